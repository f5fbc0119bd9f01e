"""The live loop: pace, latency, limits, recording, and how it ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_face import scene

from sdfl import FaceLandmarker
from sdfl.errors import SourceError
from sdfl.runtime.live.pipeline import Summary, run
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.runtime.results import results
from sdfl.runtime.sources import FrameSource, MemorySource, PictureSource, VideoSource
from sdfl.runtime.views.base import FrameStats
from sdfl.runtime.views.none import NoView
from sdfl.types import Frame, Image

FACE = (160, 120, 40)


class Clock:
    """A clock that only moves when somebody sleeps or reads it."""

    def __init__(self, tick_s: float = 0.0) -> None:
        self.now_s, self._tick_s = 50.0, tick_s
        self.slept_s: list[float] = []

    def __call__(self) -> float:
        self.now_s += self._tick_s
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds


class Watcher:
    """A view that keeps what it was shown and ends after `patience` pictures."""

    watched = True

    def __init__(self, patience: int = 10**9) -> None:
        self.images: list[Image] = []
        self.stats: list[FrameStats] = []
        self._patience = patience

    def show(self, image: Image, stats: FrameStats) -> bool:
        self.images.append(image)
        self.stats.append(stats)
        return len(self.images) < self._patience

    def close(self) -> None: ...


def clip(num_frames: int = 10) -> MemorySource:
    return MemorySource([scene(FACE)] * num_frames, fps=20)


class Interrupted(FrameSource):
    """Three frames, then `failure`."""

    name = "broken"

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure

    def __iter__(self) -> Iterator[Frame]:
        yield from clip(3)
        raise self._failure


class Late(FrameSource):
    """A live source whose only frame was captured 0.25 s before now."""

    name, live = "late", True

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(scene(FACE), 0, self._clock.now_s - 0.25)


def test_a_watched_clip_runs_at_its_own_pace(landmarker: FaceLandmarker) -> None:
    clock, watcher = Clock(), Watcher()
    summary = run(clip(), landmarker, watcher, clock=clock, sleep=clock.sleep)
    assert sum(clock.slept_s) == pytest.approx(9 / 20)
    assert (summary.num_frames, summary.frames_with_faces) == (10, 10)
    assert [stats.frame for stats in watcher.stats] == list(range(10))
    assert watcher.stats[-1].faces == 1
    assert watcher.stats[-1].model == "toy"
    assert watcher.stats[-1].fps == pytest.approx(20, abs=0.5)


def test_unwatched_it_runs_as_fast_as_it_can(landmarker: FaceLandmarker) -> None:
    clock, view = Clock(), NoView()
    run(clip(), landmarker, view, clock=clock, sleep=clock.sleep)
    assert clock.slept_s == []
    assert view.shown is not None
    assert view.shown.frame == 9


def test_latency_of_a_live_frame_counts_from_its_capture(landmarker: FaceLandmarker) -> None:
    clock = Clock()
    (result,) = results(Late(clock), landmarker, clock=clock)
    assert result.latency_ms == pytest.approx(250)
    assert result.ms == 0


def test_latency_of_a_file_counts_from_its_decoding(landmarker: FaceLandmarker) -> None:
    clock = Clock(tick_s=0.002)
    first, *_ = results(clip(), landmarker, clock=clock)
    assert first.latency_ms == first.ms == pytest.approx(2)


@pytest.mark.parametrize("watched", [True, False])
def test_stops_after_max_frames(landmarker: FaceLandmarker, watched: bool) -> None:
    clock = Clock()
    view = Watcher() if watched else NoView()
    assert run(clip(), landmarker, view, max_frames=4, clock=clock, sleep=clock.sleep).num_frames == 4


def test_the_viewer_can_end_it(landmarker: FaceLandmarker) -> None:
    clock = Clock()
    assert run(clip(), landmarker, Watcher(patience=3), clock=clock, sleep=clock.sleep).num_frames == 3


def test_a_picture_stays_in_view_until_the_viewer_ends_it(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    path.write_bytes(_png(scene(FACE)))
    clock, watcher = Clock(), Watcher(patience=5)
    run(PictureSource(path), landmarker, watcher, clock=clock, sleep=clock.sleep)
    assert len(watcher.images) == 5
    assert run(PictureSource(path), landmarker, NoView()).num_frames == 1


def _png(image: Image) -> bytes:
    import cv2

    return cv2.imencode(".png", image)[1].tobytes()


def test_unrelated_pictures_share_no_tracks(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(_png(scene(FACE)))
    ages = [[face.age_frames for face in faces] for _, faces in landmarker.track(str(tmp_path))]
    assert ages == [[0], [0]]


def test_the_shown_picture_is_drawn_and_the_frame_is_left_alone(landmarker: FaceLandmarker) -> None:
    clock, watcher, source = Clock(), Watcher(), clip(1)
    before = scene(FACE)
    run(source, landmarker, watcher, clock=clock, sleep=clock.sleep)
    assert (watcher.images[0] != before).any()
    np.testing.assert_array_equal(next(iter(source)).image, before)


def test_ctrl_c_ends_it_and_keeps_the_recording(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with Recorder(path, 20) as recorder:
        summary = run(Interrupted(KeyboardInterrupt()), landmarker, NoView(), recorder=recorder)
    assert summary.num_frames == 3
    assert sum(1 for _ in VideoSource(path)) == 3


def test_a_lost_source_is_an_error_and_keeps_the_recording(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(SourceError, match="unplugged"), Recorder(path, 20) as recorder:
        run(Interrupted(SourceError("unplugged")), landmarker, NoView(), recorder=recorder)
    assert sum(1 for _ in VideoSource(path)) == 3


@pytest.mark.parametrize(
    ("summary", "text"),
    [
        pytest.param(Summary(0, 0, None, None, None), "no frames", id="nothing"),
        pytest.param(
            Summary(9, 7, 2.04, 3.06, 4.0),
            "9 frames, 7 with a face; latency p50 2.0 ms, p95 3.1 ms, p99 4.0 ms",
            id="some frames",
        ),
    ],
)
def test_the_summary_is_one_line(summary: Summary, text: str) -> None:
    assert str(summary) == text


def test_frames_of_a_video_and_their_faces(landmarker: FaceLandmarker) -> None:
    seen = list(itertools.islice(landmarker.track(clip()), 3))
    assert [frame.index for frame, _ in seen] == [0, 1, 2]
    assert [[face.id for face in faces] for _, faces in seen] == [[1], [1], [1]]


def test_detect_takes_grey_and_16_bit_pictures(landmarker: FaceLandmarker) -> None:
    assert len(landmarker.detect(scene(FACE).astype(np.uint16) * 257)) == 1
    assert landmarker.detect(np.zeros((1, 1), np.uint8)) == []
