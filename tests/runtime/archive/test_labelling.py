"""A run over an archive, in one process: what it writes, what it leaves out, and what an interrupted one leaves."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow", reason="the extra cluster is not installed")
pytest.importorskip("av", reason="clips are made with PyAV")

import pyarrow.parquet as pq  # noqa: E402
from archive_fakes import ToyOpening, failures, files, label, rows, settings, videos, write_clip  # noqa: E402
from toy_face import scene  # noqa: E402

from sdfl.errors import ConfigError, WriteError  # noqa: E402
from sdfl.runtime.archive.in_process import in_process  # noqa: E402
from sdfl.runtime.archive.labelling import Outcome, Task, Worker  # noqa: E402
from sdfl.runtime.archive.rows import STEP_PX  # noqa: E402
from sdfl.runtime.sources import open_source  # noqa: E402

QUARTER_TURN = np.array([0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30], np.int32)


TIMES = [Fraction(index, 30) + Fraction(index % 3, 200) for index in range(40)]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="even rate"),
        pytest.param({"times": TIMES}, id="variable rate"),
        pytest.param({"matrix": QUARTER_TURN}, id="turned"),
    ],
)
def test_rows_are_what_tracking_gives(options: dict[str, Any], tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", **options)
    label([clip], tmp_path / "out")
    with ToyOpening().open() as landmarker, open_source(clip) as source:
        tracked = [(frame, face) for frame, faces in landmarker.track(source) for face in faces]
    written = rows(tmp_path / "out")
    assert len(written) == len(tracked) == 40
    for row, (frame, face) in zip(written, tracked, strict=True):
        assert (row["video"], row["frame"], row["id"]) == (str(clip), frame.index, face.id)
        assert row["timestamp_s"] == frame.timestamp_s
        np.testing.assert_allclose(row["points"], face.landmarks.points.reshape(-1), atol=STEP_PX / 2 + 1e-4)
        np.testing.assert_allclose(row["box"], face.box.xyxy, atol=STEP_PX / 2 + 1e-4)
        assert row["presence"] == np.float32(face.presence)
        assert row["roll_deg"] == pytest.approx(face.pose.roll, abs=1e-4)
        assert row["mouth_open"] == pytest.approx(face.openness.mouth, abs=1e-4)
    (video,) = videos(tmp_path / "out")
    height, width = tracked[0][0].image.shape[:2]
    assert (video["frames"], video["rows"], video["width"], video["height"]) == (40, 40, width, height)


def test_readers_take_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas, polars, duckdb = (pytest.importorskip(name) for name in ("pandas", "polars", "duckdb"))
    text = (Path(__file__).parents[3] / "docs" / "guide" / "archive.md").read_text(encoding="utf-8")
    lines = re.findall(r"^(?:faces|failures) = (.*)$", text, re.M)
    label([write_clip(tmp_path / "a.mp4", 20), write_clip(tmp_path / "b.mp4", 10)], tmp_path / "labels")
    monkeypatch.chdir(tmp_path)
    by_pandas, by_polars, by_duckdb, failed = (
        eval(line, {"pd": pandas, "pl": polars, "duckdb": duckdb}) for line in lines
    )
    assert by_pandas.groupby("video").size().tolist() == [20, 10]
    assert np.stack(by_pandas["points"]).reshape(-1, 68, 2).shape == (30, 68, 2)
    assert by_polars["frame"].max() == 19
    found = by_duckdb.fetchall()
    assert len(found) == 30
    assert all(len(row[3]) == 136 for row in found)
    assert len(failed) == 0


def test_what_is_done_is_skipped_and_what_has_changed_is_labelled_again(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / name / "clip.mp4", 10, start=start) for name, start in (("a", 100), ("b", 200))]
    out = tmp_path / "out"
    assert label(clips, out).labelled == 2
    before = {path: path.stat().st_mtime_ns for path in (out / "faces").iterdir()}
    again = label(clips, out)
    assert (again.before, again.labelled) == (2, 0)
    assert {path: path.stat().st_mtime_ns for path in (out / "faces").iterdir()} == before
    write_clip(clips[0], 12)
    third = label(clips, out)
    assert (third.before, third.labelled, third.changed) == (1, 1, 1)
    assert sorted((row["video"], row["frames"]) for row in videos(out)) == [(str(clips[0]), 12), (str(clips[1]), 10)]
    assert len(rows(out)) == 22


def test_damaged_videos_become_failures_until_they_are_whole(tmp_path: Path) -> None:
    archive, out = tmp_path / "archive", tmp_path / "out"
    write_clip(archive / "good.mp4", 10)
    (archive / "text.mp4").write_text("no video", encoding="utf-8")
    (archive / "empty.mp4").touch()
    cut_off = write_clip(archive / "cut.mkv", 40)
    whole = cut_off.read_bytes()
    cut_off.write_bytes(whole[: len(whole) // 2])
    listed = tmp_path / "list.txt"
    listed.write_text("archive\nmissing.mp4\n", encoding="utf-8")
    summary = label([listed], out)
    assert (summary.labelled, len(summary.failed)) == (1, 4)
    assert {name: reason.partition(";")[0] for name, reason in failures(out).items()} == {
        "text.mp4": "is not a video that PyAV can decode, or its recording was not finished",
        "empty.mp4": "is empty",
        "cut.mkv": failures(out)["cut.mkv"].partition(";")[0],
        "missing.mp4": "no such file",
    }
    assert failures(out)["cut.mkv"].startswith("is cut off after frame ")
    assert {row["video"] for row in rows(out)} == {str(archive / "good.mp4")}
    cut_off.write_bytes(whole)
    assert label([listed], out).labelled == 1
    assert set(failures(out)) == {"text.mp4", "empty.mp4", "missing.mp4"}
    label([archive / "good.mp4"], out)
    assert set(failures(out)) == {"text.mp4", "empty.mp4", "missing.mp4"}, "those of other runs stay"


def test_a_picture_is_no_video(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "face.png"), scene((160, 120, 40)))
    label([tmp_path / "face.png"], tmp_path / "out")
    assert failures(tmp_path / "out")["face.png"].startswith("is a picture")


def test_other_settings_are_refused(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5)
    label([clip], tmp_path / "out")
    with pytest.raises(ConfigError, match="was made with other settings .smoothing True, not False.; choose another"):
        label([clip], tmp_path / "out", smoothing=False)


def test_folders_that_cannot_be_a_dataset(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5)
    with pytest.raises(ConfigError, match="holds other files"):
        label([clip], tmp_path)
    with pytest.raises(ConfigError, match="is a file, or lies below one"):
        label([clip], clip / "out")
    assert files(tmp_path) == {"clip.mp4"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", 5)
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(WriteError, match="closed"):
        label([clip], tmp_path / "closed" / "out")


def test_two_runs_at_a_time_are_refused(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4", 5), tmp_path / "out"

    def meanwhile(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        lock = out / ".work" / "run.json"
        lock.write_text(lock.read_text(encoding="utf-8").replace(str(os.getpid()), "1"), encoding="utf-8")
        with pytest.raises(ConfigError, match="another run writes into it .process 1 on"):
            label([clip], out)
        yield from in_process(tasks, worker)

    assert label([clip], out, schedule=meanwhile).labelled == 1


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{index}.mp4", 10) for index in range(3)]
    out = tmp_path / "out"

    def interrupted(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        yield next(in_process(tasks, worker))
        (out / ".work" / "new" / "half.parquet").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        label(clips, out, schedule=interrupted)
    assert len(videos(out)) == 1
    summary = label(clips, out)
    assert (summary.before, summary.labelled) == (1, 2)
    assert len(rows(out)) == 30
    assert not list((out / ".work" / "new").iterdir())


def test_outcomes_that_come_twice_count_once(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{index}.mp4", 10) for index in range(2)]

    def twice(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        yield from in_process([*tasks, *tasks], worker)

    assert label(clips, tmp_path / "out", schedule=twice).labelled == 2
    assert len(rows(tmp_path / "out")) == 20


def test_a_lost_video_is_told(tmp_path: Path) -> None:
    clips = [write_clip(tmp_path / f"{index}.mp4", 5) for index in range(2)]
    with pytest.raises(Exception, match="1 videos were not labelled; start the command again"):
        label(clips, tmp_path / "out", schedule=lambda tasks, worker: in_process(tasks[1:], worker))


def test_a_video_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4", 5), tmp_path / "out"

    class Dies(ToyOpening):
        def open(self) -> Any:
            raise SystemExit

    def again_and_again(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        for _ in range(5):
            with contextlib.suppress(SystemExit):
                next(in_process(tasks, Worker(worker.root, worker.settings, Dies())))
        yield from in_process(tasks, worker)

    summary = label([clip], out, schedule=again_and_again)
    assert list(summary.failed.values()) == [
        "5 workers died while they labelled it; its frames may need too much memory, or its decoder crashes"
    ]
    assert label([clip], out).labelled == 1


def test_a_full_disk_ends_the_run_and_leaves_nothing_half(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no limits of processes")
    clips = [write_clip(tmp_path / f"{index}.mp4", 40) for index in range(2)]
    out = tmp_path / "out"
    label(clips[:1], out)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(WriteError, match="out: cannot be written"):
            label(clips, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(list((out / "faces").iterdir())) == 1
    assert not list((out / ".work" / "new").iterdir())
    assert label(clips, out).labelled == 1


def test_a_worker_with_another_version_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="a worker has decoder PyAV, the run began with OpenCV"):
        label([write_clip(tmp_path / "clip.mp4", 5)], tmp_path / "out", decoder="OpenCV")


def test_the_settings_are_kept_in_each_file(tmp_path: Path) -> None:
    label([write_clip(tmp_path / "clip.mp4", 5)], tmp_path / "out")
    (file,) = (tmp_path / "out" / "faces").iterdir()
    text = pq.read_metadata(file).metadata[b"sdfl"].decode()
    assert f'"sdfl": "{settings().sdfl}"' in text
    assert '"smoothing": true' in text
