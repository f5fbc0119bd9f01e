"""sdfl label-videos: what it prints, its exit codes, and what it refuses."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra cluster is not installed")
pytest.importorskip("av", reason="clips are made with PyAV")

from archive_fakes import fake_connected, write_clip

from sdfl import cli
from sdfl.cli.archive_progress import progress_line, summary_line
from sdfl.runtime.archive import cluster
from sdfl.runtime.archive.run import Summary


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "connected", fake_connected)
    monkeypatch.setattr(cli, "_heed_requests_to_end", lambda: None)


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["sdfl", "label-videos", *map(str, words), "--model", "nano"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_run_and_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "a" / "clip.mp4", 10)
    out = tmp_path / "out"
    assert run(monkeypatch, tmp_path / "a", "-o", out) == 0
    line = capsys.readouterr().err
    assert re.fullmatch(rf"{out}: 1 videos: 1 labelled, 0 done before, 0 failed; 0.00 h of video in .*\n", line)
    (tmp_path / "a" / "bad.mp4").write_text("no video", encoding="utf-8")
    assert run(monkeypatch, tmp_path / "a", "-o", out) == 1
    line = capsys.readouterr().err
    assert f"{out}: 2 videos: 0 labelled, 1 done before, 1 failed (see {out / 'failures.parquet'})" in line


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param(["{here}/none", "-o", "{here}/out"], "none: no such file", id="missing source"),
        pytest.param(["{here}/empty", "-o", "{here}/out"], "empty: holds no video", id="folder without videos"),
        pytest.param(["{here}/clip.mp4", "-o", "{here}/clip.mp4"], "clip.mp4: is a file", id="output is a file"),
        pytest.param(["{here}/clip.mp4", "-o", "/proc/out"], "/proc/out", id="output that cannot be made"),
        pytest.param(["{here}/clip.mp4", "-o", "{here}/out", "--detector", "sdfl:none"], "none", id="no detector"),
    ],
)
def test_one_line_for_each_refusal(
    words: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "clip.mp4", 5)
    (tmp_path / "empty").mkdir()
    assert run(monkeypatch, *(word.format(here=tmp_path) for word in words)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sdfl: ")
    assert reason in line
    assert not (tmp_path / "out").exists()


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limits of processes")
    clip, out = write_clip(tmp_path / "clip.mp4", 40), tmp_path / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        assert run(monkeypatch, clip, "-o", out) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (line,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("sdfl: ")]
    assert line.startswith(f"sdfl: {out}: cannot be written (File too large); choose a file system")
    assert not list((out / "faces").iterdir())


def test_progress_and_summary_lines() -> None:
    summary = Summary(10, before=2, labelled=3, failed={"a": "is empty"}, frames=900, video_s=7200, wall_s=600,
                      bytes_done=100, bytes_left=50)  # fmt: skip
    assert progress_line(summary, 4) == (
        "6 of 10 videos, 1 failed; 2.00 h of video in 0:10:00, 12.0 x real time; 0:05:00 left"
    )
    assert "3 labelled, 2 done before, 1 failed" in summary_line(summary, Path("out"))
    assert progress_line(Summary(10), 10) == "0 of 10 videos; 0:00:00 so far; time left unknown"
