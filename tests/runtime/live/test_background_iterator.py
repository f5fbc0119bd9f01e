"""Tracking beside the view: the newest result, all of the recording, errors and a quick end."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_face import scene

from sdfl import FaceLandmarker
from sdfl.errors import SourceError
from sdfl.runtime.live.background_iterator import latest_in_background
from sdfl.runtime.live.pipeline import run
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.runtime.sources import FrameSource, VideoSource
from sdfl.runtime.views.base import FrameStats
from sdfl.types import Frame, Image

FACE = (160, 120, 40)


class Camera(FrameSource):
    """A live source of `count` frames, one every `every_s`; then it waits until it is closed."""

    name, live, fps = "scripted camera", True, 50.0

    def __init__(self, count: int, every_s: float, failure: Exception | None = None) -> None:
        self._count, self._every_s, self._failure = count, every_s, failure
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self._count):
            if self._closed.wait(self._every_s):
                return
            yield Frame(scene(FACE), index, time.perf_counter())
        if self._failure:
            raise self._failure
        self._closed.wait(30)

    def close(self) -> None:
        self._closed.set()


class SlowView:
    """Takes its time with every picture; ends the run after the frame numbered `last`."""

    watched = True

    def __init__(self, takes_s: float, last: int) -> None:
        self.frames: list[int] = []
        self._takes_s, self._last = takes_s, last

    def show(self, image: Image, stats: FrameStats) -> bool:
        time.sleep(self._takes_s)
        self.frames.append(stats.frame)
        return stats.frame < self._last

    def close(self) -> None: ...


def test_a_slow_view_skips_frames_and_the_tracking_none(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    camera, view = Camera(20, 0.02), SlowView(0.15, last=19)
    with Recorder(tmp_path / "out.mp4", camera.fps) as recorder:
        summary = run(camera, landmarker, view, recorder=recorder)
    assert summary.num_frames == 20
    assert view.frames[-1] == 19, "the newest frame is shown in the end"
    assert len(set(view.frames)) < 15
    assert view.frames == sorted(view.frames)
    assert summary.latency_p50_ms is not None
    assert summary.latency_p50_ms < 100, "results do not wait for the view"
    assert sum(1 for _ in VideoSource(tmp_path / "out.mp4")) >= 20


def test_a_view_hears_from_a_stalled_camera(landmarker: FaceLandmarker) -> None:
    """A window must answer its close button although no picture comes."""
    view = SlowView(0.0, last=10**6)
    shown = iter(range(5))
    view.show = lambda image, stats: next(shown) < 4  # type: ignore[method-assign]
    start_s = time.monotonic()
    assert run(Camera(1, 0.0), landmarker, view).num_frames == 1
    assert time.monotonic() - start_s < 5, "and it ends at once, though the camera still waits"


def test_a_camera_that_fails_is_an_error_after_its_last_frame(landmarker: FaceLandmarker) -> None:
    view = SlowView(0.0, last=10**6)
    with pytest.raises(SourceError, match="unplugged"):
        run(Camera(3, 0.01, SourceError("unplugged")), landmarker, view)
    assert view.frames[-1] == 2


def test_the_last_item_is_always_given() -> None:
    with latest_in_background(range(1000)) as latest:
        given = [item for item in latest if item is not None]
    assert given[-1] == 999
    assert given == sorted(set(given))


def test_leaving_early_ends_the_thread() -> None:
    made: list[int] = []

    def counted() -> Iterator[int]:
        for item in itertools.count():
            made.append(item)
            yield item

    with latest_in_background(counted()) as latest:
        next(latest)
    count = len(made)
    time.sleep(0.05)
    assert len(made) == count
