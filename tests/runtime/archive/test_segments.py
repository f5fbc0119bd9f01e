"""Segments of long videos: joined, they are what the uncut video gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="the extra cluster is not installed")
pytest.importorskip("av", reason="clips are made with PyAV")

from archive_fakes import label, rows, videos, write_clip
from clips import encode
from toy_face import scene

from sdfl.runtime.archive.in_process import in_process
from sdfl.runtime.archive.labelling import Outcome, Task, Worker
from sdfl.runtime.archive.segments import cut


def three_faces(path: Path, frames: int) -> Path:
    """A face that moves, then one that comes elsewhere two seconds later, and then a third."""
    images = []
    for index in range(frames):
        faces = []
        if not (200 <= index < 251 or 420 <= index < 480):
            faces.append(((90 if index < 200 else 200 if index < 420 else 130) + 30 * np.sin(index / 25), 120.0, 35.0))
        images.append(scene(*faces))
    return encode(path, images, options={"g": "37", "bf": "2", "preset": "veryfast", "threads": "1"})


@pytest.mark.slow
@pytest.mark.parametrize(("segment_s", "count"), [(6.0, 4), (7.3, 3)])
def test_segments_are_joined_to_what_the_uncut_video_gives(segment_s: float, count: int, tmp_path: Path) -> None:
    clip = three_faces(tmp_path / "clip.mp4", 640)
    label([clip], tmp_path / "uncut")
    label([clip], tmp_path / "cut", segment_s=segment_s)
    assert len(cut(clip, segment_s)) == count
    uncut, joined = rows(tmp_path / "uncut"), rows(tmp_path / "cut")
    for key in ("video", "frame", "timestamp_s", "id"):
        assert [row[key] for row in joined] == [row[key] for row in uncut], key
    assert len({row["id"] for row in joined}) >= 3
    # What smoothing holds within its slack, 0.7 % of the size of a face, depends on how it began.
    np.testing.assert_allclose([r["points"] for r in joined], [r["points"] for r in uncut], atol=0.25)
    assert {**videos(tmp_path / "cut")[0], "labelling_s": 0} == {**videos(tmp_path / "uncut")[0], "labelling_s": 0}
    assert not list((tmp_path / "cut" / ".work" / "parts").iterdir())


def test_segments_that_are_done_are_not_labelled_again(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4", 120), tmp_path / "out"
    seen: list[int] = []

    def interrupted(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        yield from in_process(tasks[1:2], worker)
        raise KeyboardInterrupt

    def backwards(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        for outcome in in_process(tasks[::-1], worker):
            seen.append(outcome.frames if outcome else -1)
            yield outcome

    with pytest.raises(KeyboardInterrupt):
        label([clip], out, schedule=interrupted, segment_s=1.0)
    assert label([clip], out, schedule=backwards, segment_s=1.0).labelled == 1
    assert seen == [30, 30, 0, 30]
    assert [row["frame"] for row in rows(out)] == list(range(120))


def test_a_video_that_is_damaged_in_one_segment_fails_as_a_whole(tmp_path: Path) -> None:
    clip, out = write_clip(tmp_path / "clip.mp4", 120), tmp_path / "out"

    def damaged(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        yield from in_process(tasks[:1], worker)
        clip.write_bytes(b"something else")
        yield from in_process(tasks[1:], worker)

    summary = label([clip], out, schedule=damaged, segment_s=1.0)
    assert len(summary.failed) == 1
    assert not list((out / "faces").iterdir())


@pytest.mark.parametrize("name", ["clip.avi", "short.mp4"])
def test_what_cannot_be_cut_stays_whole(name: str, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / name, 120 if name == "clip.avi" else 20)
    assert cut(clip, 1.0) == []
