"""Tracking beside the view: a slow view of a live source costs neither recorded frames nor the newest picture."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_face import scene

from sdfl.core import Frame, Image
from sdfl.errors import SourceError
from sdfl.runtime import FaceLandmarker
from sdfl.runtime.ahead import newest_of
from sdfl.runtime.pipeline import run
from sdfl.runtime.recorder import Recorder
from sdfl.runtime.sources import FrameSource, VideoSource
from sdfl.runtime.views import Stats

NUM_FRAMES, PERIOD_S = 20, 0.01


class Scripted(FrameSource):
    """A live source: pictures of the given widths, one a period, then `failure`."""

    name, live, fps = "scripted", True, 1 / PERIOD_S

    def __init__(self, widths: list[int], failure: BaseException | None = None) -> None:
        self._widths, self._failure = widths, failure

    def __iter__(self) -> Iterator[Frame]:
        start_s = time.monotonic()
        for index, width in enumerate(self._widths):
            picture = np.ascontiguousarray(scene((160, 120, 40))[:, :width])
            time.sleep(PERIOD_S)
            yield Frame(picture, index, start_s + index * PERIOD_S)
        if self._failure is not None:
            raise self._failure


class SlowView:
    """A view that needs eight periods for a picture."""

    watched = True

    def __init__(self) -> None:
        self.frames: list[int] = []

    def show(self, image: Image, stats: Stats) -> bool:
        time.sleep(8 * PERIOD_S)
        if not self.frames or self.frames[-1] != stats.frame:
            self.frames.append(stats.frame)
        return True

    def close(self) -> None: ...


def test_a_slow_view_skips_pictures_but_every_frame_is_recorded(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    view, out = SlowView(), tmp_path / "out.avi"
    with Recorder(out, 1 / PERIOD_S) as recorder:
        summary = run(Scripted([320] * NUM_FRAMES), landmarker, view, recorder=recorder)
    assert summary.num_frames == summary.frames_with_faces == NUM_FRAMES
    assert sum(1 for _ in VideoSource(out)) == NUM_FRAMES
    assert len(view.frames) < NUM_FRAMES
    assert view.frames == sorted(view.frames)
    assert view.frames[-1] == NUM_FRAMES - 1  # the last picture is never the one skipped
    assert summary.latency_p99_ms is not None
    assert summary.latency_p50_ms <= summary.latency_p95_ms <= summary.latency_p99_ms


@pytest.mark.parametrize(
    ("widths", "failure"),
    [
        pytest.param([320] * NUM_FRAMES, SourceError("camera 0: stopped sending pictures"), id="unplugged"),
        pytest.param([320] * 10 + [240] * 10, None, id="another size in the middle"),
    ],
)
def test_nothing_recorded_is_lost(
    landmarker: FaceLandmarker, tmp_path: Path, widths: list[int], failure: SourceError | None
) -> None:
    out = tmp_path / "out.avi"
    raised: SourceError | None = None
    with Recorder(out, 1 / PERIOD_S) as recorder:
        try:
            run(Scripted(widths, failure), landmarker, SlowView(), recorder=recorder)
        except SourceError as error:
            raised = error
    assert raised is failure
    assert sum(1 for _ in VideoSource(out)) == NUM_FRAMES


def test_a_consumer_is_not_kept_waiting_for_a_source_that_stalls() -> None:
    go_on = threading.Event()

    def stalling() -> Iterator[int]:
        yield 1
        go_on.wait(5.0)

    with newest_of(stalling(), go_on.set) as items:
        assert list(itertools.islice(items, 3)) == [1, None, None]
    assert go_on.is_set()
