"""A disk that takes no more: every verb says so in one line and exits with 1, and an earlier file is as it was."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench_fakes import latency_record, subject
from forked_verbs import Verbs

from sdfl import cli
from sdfl.benchmarks.records import append_record
from sdfl.runtime.sources import VideoSource

resource = pytest.importorskip("resource", reason="Windows has no limits of processes")
PROGRAM = [sys.executable, "-c", "from sdfl.cli import main; main()"]
OLD = b"old\n"
SAMPLE = ("sample", "--model", "nano", "--frames", "40")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")


@contextlib.contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """What a file that has grown to a number of bytes does not take is refused, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@dataclass(frozen=True)
class Case:
    """An output of a verb.

    words: the arguments; {work} is a folder with pictures in `faces`, two checkpoints and `records.jsonl`.
    target: the file, in the test's own folder {here}.
    limit: bytes that a file may have.
    old: what the file holds before; None where the verb refuses to replace one.
    """

    words: tuple[str, ...]
    target: str
    limit: int = 2000
    old: bytes | None = OLD


CASES = {
    "track --jsonl": Case(("track", *SAMPLE, "--jsonl", "{here}/a.jsonl"), "a.jsonl"),
    "track --csv": Case(("track", *SAMPLE, "--csv", "{here}/a.csv"), "a.csv"),
    "track --save mp4": Case(("track", *SAMPLE, "--save", "{here}/a.mp4"), "a.mp4", 30_000),
    "track --save mkv": Case(("track", *SAMPLE, "--save", "{here}/a.mkv"), "a.mkv", 30_000),
    "track --save avi": Case(("track", *SAMPLE, "--save", "{here}/a.avi"), "a.avi", 100_000),
    "demo --save": Case(
        ("demo", "--source", *SAMPLE, "--view", "none", "--save", "{here}/a.mp4"), "a.mp4", 30_000
    ),
    "export": Case(("export", "{work}/detector.ckpt", "-o", "{here}/a.onnx"), "a.onnx"),
    "quantize": Case(
        ("quantize", "{work}/small.ckpt", "--data", "{work}/faces", "--images", "4", "-o", "{here}/a.ckpt"), "a.ckpt"
    ),
    "build": Case(("build", "nano", "--target", "openvino", "-o", "{here}/a.xml"), "a.xml"),
    "build, weights": Case(("build", "nano", "--target", "openvino", "-o", "{here}/a.xml"), "a.bin", 400_000),
    "train": Case(
        ("train", "smoke", "--data", "{work}", "--set", "data.train=['faces']", "--set", "data.holdout.folder=faces",
         "--set", "train.batch_size=8", "--set", "data.workers=0", "--set", "train.epochs=1",
         "--set", "optimizer.warmup_epochs=0",
         "--out", "{here}"), "best.ckpt",
    ),
    "eval --csv": Case(("eval", "nano", "--data", "{work}/faces", "--csv", "{here}/a.csv"), "a.csv", 500),
    "report": Case(("report", "{work}/records.jsonl", "-o", "{here}"), "report.html"),
    "bench": Case(
        ("bench", "nano", "--measure", "latency", "--backend", "onnxruntime", "--stage", "network", "--threads", "1",
         "--batch", "1", "--compute", "f32", "-o", "{here}/a.jsonl"), "a.jsonl", 100, b"",
    ),
    "data label": Case(
        ("data", "label", "{work}/faces", "--teacher", "nano", "-o", "{here}/a.txt"), "a.txt"
    ),
    "data check": Case(("data", "check", "{work}/faces", "--sheet", "{here}/a.png"), "a.png"),
    "reproduce": Case(("reproduce", "fig6", "--data", "{work}", "--out", "{here}"), "fig6.png"),
}  # fmt: skip


@pytest.fixture(scope="module")
def work(work: Path) -> Path:
    from small_checkpoints import save_detector

    save_detector(work / "detector.ckpt")
    append_record(work / "records.jsonl", latency_record(subject("a"), 2.0))
    return work


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, list[str]]:
    """The exit code of the command line, and the lines of its errors."""
    monkeypatch.setattr(cli, "_heed_requests_to_end", lambda: None)
    monkeypatch.setattr(sys, "argv", ["sdfl", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, [line for line in capsys.readouterr().err.splitlines() if line.startswith("sdfl: ")]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_an_output_that_cannot_be_written(case: Case, work: Path, tmp_path: Path, verbs: Verbs) -> None:
    pytest.importorskip("openvino")
    here = tmp_path / "here"
    here.mkdir()
    if case.old is not None:
        (here / case.target).write_bytes(case.old)
    done = verbs.run([word.format(work=work, here=here) for word in case.words], file_size=case.limit)
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    (message,) = done.errors
    assert str((here / case.target).with_suffix("")) in message
    assert "free some space" in message or "larger files" in message
    assert (here / case.target).read_bytes() == case.old
    assert not list(here.glob(".*.part*"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_whole_lines_are_kept_beside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / name
    option = f"--{out.suffix[1:]}"
    run(monkeypatch, capsys, "track", *SAMPLE, option, str(out))
    whole = out.read_text().splitlines(keepends=True)
    for beside in (f"a.incomplete{out.suffix}", f"a.incomplete-2{out.suffix}"):
        with file_size_limit(20_000):
            _, (message,) = run(monkeypatch, capsys, "track", *SAMPLE, option, str(out))
        kept = (tmp_path / beside).read_text().splitlines(keepends=True)
        assert f"{len(kept)} whole lines are kept in {tmp_path / beside}" in message
        assert [_without_time(line) for line in kept] == [_without_time(line) for line in whole[: len(kept)]]
        assert 0 < len(kept) < len(whole)


def _without_time(line: str) -> object:
    if not line.startswith("{"):
        return line
    content = json.loads(line)
    del content["ms"]
    return content


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "plays"),
    [pytest.param("a.mp4", False, id="its end says what it holds"), pytest.param("a.mkv", True, id="plays to its end")],
)
def test_a_video_that_could_not_be_finished(
    name: str, plays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with file_size_limit(60_000):
        _, (message,) = run(monkeypatch, capsys, "track", *SAMPLE, "--save", str(tmp_path / name))
    beside = tmp_path / f"a.incomplete{Path(name).suffix}"
    assert f"what was written is kept in {beside}" in message
    assert ("ends early" in message) == plays
    assert ("does not play" in message) != plays


@pytest.mark.slow
def test_two_outputs_on_a_full_disk_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, video = tmp_path / "a.jsonl", tmp_path / "a.mkv"
    with file_size_limit(1000):
        _, (message,) = run(monkeypatch, capsys, "track", *SAMPLE, "--jsonl", str(lines), "--save", str(video))
    assert f"--jsonl {lines}: cannot be written" in message
    assert f"--save {video}: cannot be written" in message


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path, verbs: Verbs) -> None:
    pytest.importorskip("openvino")
    command = ("track", "sample", "--frames", "3", "--backend", "openvino", "--model", "nano")
    done = verbs.run(command, environment={"XDG_CACHE_HOME": str(tmp_path)}, file_size=50_000)
    assert (done.code, done.err.count("cannot be written")) == (0, 0)
    assert len(done.out.splitlines()) == 3
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@FULL
@pytest.mark.parametrize("buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("verb", ["--help", "zoo list", "zoo show nano", "track sample --frames 3 --model nano"])
def test_standard_output_that_is_full(verb: str, buffered: bool) -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [*PROGRAM, *verb.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment
        )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        "sdfl: standard output: cannot be written (No space left on device); free some space or choose another disk"
    ]


@FULL
def test_a_full_device_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, errors = run(monkeypatch, capsys, "track", *SAMPLE, "--csv", "/dev/full")
    assert code == 1
    assert errors == [
        "sdfl: --csv /dev/full: cannot be written (No space left on device); free some space or choose another disk"
    ]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_recording_ends_while_there_is_space_to_finish_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file system shrinks by 1 MiB at every question."""
    free = iter(range(30 << 20, 0, -(1 << 20)))
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": next(free)}))
    (tmp_path / name).write_bytes(OLD)
    code, (message,) = run(monkeypatch, capsys, "track", *SAMPLE, "--save", str(tmp_path / name))
    beside = tmp_path / f"a.incomplete{Path(name).suffix}"
    kept = sum(1 for _ in VideoSource(beside))
    assert code == 1
    assert f"--save {tmp_path / name}: cannot be written (No space left on device)" in message
    assert message.endswith(f"the earlier file is unchanged; {kept} frames are kept in {beside}")
    assert 20 < kept < 40
    assert (tmp_path / name).read_bytes() == OLD
