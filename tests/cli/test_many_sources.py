"""`sdfl track` and `sdfl demo` with several sources, as a user calls them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from toy_face import scene
from typer.testing import CliRunner, Result

from sdfl.cli import app
from sdfl.errors import ConfigError, SourceError
from sdfl.runtime.sources import VideoSource

WriteVideo = Callable[..., Path]
Run = Callable[..., Result]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key not in ("ms", "source")}


def test_track_writes_what_it_writes_for_each_alone_with_the_source(run_sdfl: Run, write_video: WriteVideo) -> None:
    clips = [write_video("a.mp4", 6), write_video("b.mp4", 4)]
    alone = {str(clip): lines_of(run_sdfl("track", clip).stdout) for clip in clips}
    result = run_sdfl("track", *clips)
    assert result.exit_code == 0, result.output
    lines = lines_of(result.stdout)
    assert [Path(line["source"]).name for line in lines] == ["a.mp4", "b.mp4"] * 4 + ["a.mp4"] * 2
    for name, expected in alone.items():
        found = [line for line in lines if line["source"] == name]
        assert [without_time(line) for line in found] == [without_time(line) for line in expected]
    assert list(lines[0]) == ["frame", "timestamp_s", "source", "ms", "faces"]


def test_rows_and_a_video_of_each_source(run_sdfl: Run, write_video: WriteVideo, tmp_path: Path) -> None:
    clips = [write_video("a.mp4", 6), write_video("b.mp4", 4)]
    rows, video = tmp_path / "faces.csv", tmp_path / "out.mp4"
    result = run_sdfl("track", *clips, "--csv", rows, "--save", video, "--frames", 5)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    with rows.open(newline="") as file:
        assert [Path(row["source"]).name for row in csv.DictReader(file)] == ["a.mp4", "b.mp4"] * 4 + ["a.mp4"]
    assert [sum(1 for _ in VideoSource(tmp_path / f"out-{number}.mp4")) for number in (1, 2)] == [5, 4]
    assert not video.exists()


def test_pictures_of_a_folder_name_their_files(run_sdfl: Run, write_video: WriteVideo, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(folder / "face.png"), scene((160, 120, 40)))
    lines = lines_of(run_sdfl("track", folder, write_video("a.mp4", 1)).stdout)
    assert [line["source"] for line in lines] == [str(folder / "face.png"), str(tmp_path / "a.mp4")]


def test_a_broken_source_ends_alone_and_the_verb_fails_at_the_end(run_sdfl: Run, write_video: WriteVideo) -> None:
    broken, whole = write_video("broken.avi", 60), write_video("whole.mp4", 70)
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    result = run_sdfl("track", broken, whole)
    assert isinstance(result.exception, SourceError)
    assert str(result.exception) == f"1 of 2 sources failed: {broken}"
    (said,) = result.stderr.splitlines()
    assert said.startswith(f"{broken}: ")
    assert "is cut off after frame" in said
    assert said.endswith("; the other sources go on")
    assert sum(line["source"] == str(whole) for line in lines_of(result.stdout)) == 70


@pytest.mark.parametrize("verb", [("track",), ("demo", "--view", "none")], ids=["track", "demo"])
def test_a_missing_source_is_named_before_anything_is_written(
    run_sdfl: Run, write_video: WriteVideo, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    result = run_sdfl(*verb, write_video(num_frames=3), "nowhere.mp4", "--save", tmp_path / "out.mp4")
    assert isinstance(result.exception, SourceError)
    assert "nowhere.mp4: no such file" in str(result.exception)
    assert result.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4"]


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        pytest.param("--jsonl", "b.mp4", r"--jsonl .*b\.mp4: is the source too", id="the second source"),
        pytest.param("--save", "b.mp4", "", id="the name of a source, to which numbers are added"),
        pytest.param("--save", "c.mp4", r"--save .*c-2\.mp4: is the source too", id="a numbered name"),
    ],
)
def test_no_source_is_overwritten(
    run_sdfl: Run, write_video: WriteVideo, tmp_path: Path, option: str, name: str, message: str
) -> None:
    clips = [write_video(each, 2) for each in ("a.mp4", "b.mp4", "c-2.mp4")]
    result = run_sdfl("track", *clips, option, tmp_path / name)
    if message:
        with pytest.raises(ConfigError, match=message):
            raise result.exception or AssertionError(result.output)
    else:
        assert result.exit_code == 0, result.output


def test_demo_takes_arguments_and_the_option(run_sdfl: Run, write_video: WriteVideo, tmp_path: Path) -> None:
    a, b, c = (write_video(f"{name}.mp4", 5) for name in "abc")
    one = run_sdfl("demo", a, "--view", "none")
    assert one.output.startswith("5 frames, 5 with a face"), one.output
    out = tmp_path / "out.mp4"
    three = run_sdfl("demo", a, b, "--source", c, "--view", "none", "--save", out, "--mirror")
    assert three.output.startswith("15 frames, 1"), three.output
    names = [tmp_path / f"out-{number}.mp4" for number in (1, 2, 3)]
    assert three.output.strip().endswith(f"saved {', '.join(map(str, names))}")
    assert [sum(1 for _ in VideoSource(name)) for name in names] == [5, 5, 5]


def test_demo_shows_several_sources_in_the_browser(run_sdfl: Run, write_video: WriteVideo) -> None:
    clips = [write_video("a.mp4", 4), write_video("b.mp4", 6)]
    result = run_sdfl("demo", *clips, "--view", "browser", "--port", 0)
    assert result.exit_code == 0, result.output
    assert "open http://127.0.0.1:" in result.stderr
    assert 2 <= int(result.stdout.split()[0]) <= 10, "a busy computer drops frames"


def test_the_camera_of_the_browser_needs_the_browser_among_several() -> None:
    arguments = ["demo", "browser", "0", "--view", "none"]
    result = CliRunner().invoke(app, arguments, obj=lambda *_, **__: pytest.fail("a model was opened"))
    assert isinstance(result.exception, ConfigError)
    assert "--source browser needs --view browser" in str(result.exception)
