"""What `sdfl track` writes beside JSON lines: a table and a drawn video, alone, together and from a clip cut off."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from toy_face import truth
from typer.testing import Result

from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.sources import VideoSource

WriteVideo = Callable[..., Path]


@pytest.fixture
def track(run_sdfl: Callable[..., Result]) -> Callable[..., Result]:
    """track(*arguments): the verb with a toy network."""
    return lambda *arguments: run_sdfl("track", *arguments)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_says_what_the_line_says(track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path) -> None:
    lines, rows, video = tmp_path / "f.jsonl", tmp_path / "f.csv", tmp_path / "f.mp4"
    result = track(write_video(num_frames=6), "--jsonl", lines, "--csv", rows, "--save", video)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    told = [json.loads(line, parse_float=str, parse_int=str) for line in lines.read_text().splitlines()]
    written = table(rows)
    assert len(told) == len(written) == sum(1 for _ in VideoSource(video)) == 6
    for line, row in zip(told, written, strict=True):
        (face,) = line["faces"]
        wanted = {name: line[name] for name in ("frame", "timestamp_s")} | {"source": ""}
        wanted |= dict(zip(("left", "top", "right", "bottom"), face.pop("box"), strict=True)) | face.pop("pose")
        for index, (x, y) in enumerate(face.pop("points")):
            wanted |= {f"x{index}": x, f"y{index}": y}
        assert row == wanted | face, "the same digits"


def test_a_table_alone_leaves_standard_output_empty(
    track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path
) -> None:
    result = track(write_video(num_frames=3), "--csv", tmp_path / "f.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    last = table(tmp_path / "f.csv")[-1]
    np.testing.assert_allclose([float(last["x0"]), float(last["y0"])], truth(152, 120, 40)[0], atol=2.0)


def test_all_outputs_keep_what_came_before_a_cut(
    track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path
) -> None:
    clip = write_video("clip.avi", 60)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    lines, rows, video = tmp_path / "f.jsonl", tmp_path / "f.csv", tmp_path / "f.mp4"
    result = track(clip, "--jsonl", lines, "--csv", rows, "--save", video)
    assert isinstance(result.exception, SdflError)
    kept = len(lines.read_text().splitlines())
    assert f"is cut off after frame {kept};" in str(result.exception)
    assert "\n" not in str(result.exception)
    assert 0 < kept == len(table(rows)) == sum(1 for _ in VideoSource(video))


@pytest.mark.parametrize(
    ("option", "name"),
    [
        pytest.param("--jsonl", "nowhere/f.jsonl", id="lines"),
        pytest.param("--csv", "nowhere/f.csv", id="table"),
        pytest.param("--save", "nowhere/f.mp4", id="video"),
    ],
)
def test_a_place_that_cannot_be_written_names_the_option(
    track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path, option: str, name: str
) -> None:
    (tmp_path / "nowhere").write_text("a file where a folder should be")
    result = track(write_video(num_frames=3), option, tmp_path / name)
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception).startswith(f"{option} {tmp_path / name}: cannot be written")


def test_a_reader_that_has_seen_enough_is_not_blamed_on_the_table(write_video: WriteVideo, tmp_path: Path) -> None:
    toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    model, clip = toy_model.save_toy_model(tmp_path / "toy.onnx"), write_video(num_frames=200)
    program = [sys.executable, "-u", "-c", "from sdfl.cli import main; main()", "track", str(clip)]
    outputs = ["--jsonl", "-", "--csv", str(tmp_path / "f.csv"), "--save", str(tmp_path / "f.mp4")]
    command = f"{shlex.join([*program, '--model', str(model), *outputs])} | head -c 10"
    shell = ["bash", "-o", "pipefail", "-c", command]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "f.csv").read_text().startswith("frame,timestamp_s,source,id,presence,")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--save", "in.mp4"], r"--save .*in\.mp4: is the source too", id="the source itself"),
        pytest.param(["--jsonl", "x", "--csv", "x"], r"--csv .*x: is --jsonl too", id="one file for two"),
        pytest.param(["--save", "link.mp4"], r"--save .*link\.mp4: is the source too", id="the source by another name"),
        pytest.param(["--jsonl", "-", "--csv", "-"], r"--csv -: is --jsonl too", id="standard output twice"),
    ],
)
def test_nothing_is_written_over_something_that_is_used(
    track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path, options: list[str], message: str
) -> None:
    clip = write_video("in.mp4", num_frames=3)
    (tmp_path / "link.mp4").symlink_to(clip)
    before = clip.read_bytes()
    named = [option if option.startswith("-") else str(clip.parent / option) for option in options]
    result = track(clip, *named)
    assert isinstance(result.exception, ConfigError)
    assert re.search(message, str(result.exception))
    assert clip.read_bytes() == before


def test_the_source_is_known_under_every_name(
    track: Callable[..., Result], write_video: WriteVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = write_video("in.mp4", num_frames=3)
    before = clip.read_bytes()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("~/in.mp4", clip.as_uri(), f"file:{clip}"):
        result = track(name, "--save", clip)
        assert isinstance(result.exception, ConfigError), name
    assert clip.read_bytes() == before


def test_a_picture_of_the_source_folder_is_not_replaced(track: Callable[..., Result], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    before = (tmp_path / "a.png").read_bytes()
    result = track(tmp_path, "--csv", tmp_path / "a.png")
    assert isinstance(result.exception, ConfigError)
    assert (tmp_path / "a.png").read_bytes() == before
    assert track(tmp_path, "--csv", tmp_path / "new.csv").exit_code == 0
