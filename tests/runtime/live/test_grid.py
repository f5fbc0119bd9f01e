"""The live loop of several sources: what the view is shown, how it ends, and what is recorded."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from camera_fakes import FACE, BreakingClip, FakeCamera, clip

from sdfl import FaceLandmarker
from sdfl.errors import SourceError
from sdfl.runtime.live.grid import run_many
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.runtime.sources import VideoSource
from sdfl.runtime.sources.many import ManySources
from sdfl.runtime.sources.replay import ReplaySource
from sdfl.runtime.views.base import FrameStats
from sdfl.runtime.views.none import NoView
from sdfl.types import Image


class Watcher:
    """A view that keeps what it was shown, plays its part in the sources, and ends after `patience` pictures."""

    watched = True

    def __init__(self, *cameras: FakeCamera, patience: int = 10**9, lose: FakeCamera | None = None) -> None:
        self.images: list[Image] = []
        self.stats: list[FrameStats] = []
        self._cameras, self._patience, self._lose = cameras, patience, lose

    def show(self, image: Image, stats: FrameStats) -> bool:
        if not self.images or image is not self.images[-1]:
            self.images.append(image)
            self.stats.append(stats)
        for camera in self._cameras:
            camera.send(FACE, at_s=time.perf_counter())
        if self._lose is not None and len(self.images) == 3:
            self._lose.lose("unplugged")
            self._lose = None
        return len(self.images) < self._patience

    def close(self) -> None: ...


def test_cameras_are_shown_until_the_viewer_ends_it(landmarker: FaceLandmarker) -> None:
    left, right = FakeCamera("left"), FakeCamera("right")
    watcher = Watcher(left, right, patience=6)
    left.send(FACE, at_s=time.perf_counter())
    with ManySources([left, right]) as many:
        summary = run_many(many, landmarker, watcher)
    assert len(watcher.images) == 6
    assert watcher.stats[-1].source == "2 sources"
    assert watcher.stats[-1].model == "toy"
    assert watcher.stats[-1].faces == 2
    assert summary.num_frames >= 6
    assert watcher.images[-1].shape[1] == 1280


def test_a_lost_camera_stays_in_the_grid_in_grey(
    landmarker: FaceLandmarker, capsys: pytest.CaptureFixture[str]
) -> None:
    left, right = FakeCamera("left"), FakeCamera("right")
    watcher = Watcher(left, patience=12, lose=right)
    left.send(FACE, at_s=time.perf_counter())
    right.send(FACE, at_s=time.perf_counter())
    with ManySources([left, right]) as many:
        run_many(many, landmarker, watcher)
    assert watcher.stats[-1].source == "2 sources, 1 lost"
    assert watcher.stats[-1].faces == 1
    last = watcher.images[-1].astype(int)
    colourful = last.max(axis=2) - last.min(axis=2) > 60
    assert colourful[:, :638].any()
    assert not colourful[:, 642:].any()
    assert capsys.readouterr().err == "right: unplugged; the other sources go on\n"


def test_files_of_a_watched_grid_play_in_real_time(landmarker: FaceLandmarker) -> None:
    begin_s = time.perf_counter()
    with ManySources([ReplaySource(clip(15)), ReplaySource(clip(9))]) as many:
        summary = run_many(many, landmarker, Watcher())
    assert time.perf_counter() - begin_s > 14 / 30 - 0.01
    assert 2 <= summary.num_frames <= 24


def test_unwatched_files_are_tracked_whole_and_recorded(landmarker: FaceLandmarker, tmp_path: Path) -> None:
    paths = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    with Recorder(paths[0], 30) as first, Recorder(paths[1], 30) as second, ManySources([clip(7), clip(4)]) as many:
        summary = run_many(many, landmarker, NoView(), recorders=[first, second])
    assert (summary.num_frames, summary.frames_with_faces) == (11, 11)
    assert [sum(1 for _ in VideoSource(path)) for path in paths] == [7, 4]


def test_a_lost_file_is_an_error_after_the_others_have_ended(landmarker: FaceLandmarker) -> None:
    view = NoView()
    with ManySources([BreakingClip("broken", 2), clip(60)]) as many, pytest.raises(SourceError, match="1 of 2 sources"):
        run_many(many, landmarker, view)
    assert view.shown is not None
    assert view.shown.source == "2 sources, 1 lost"


def test_a_replay_begins_again_and_drops_what_nobody_takes() -> None:
    now_s = [100.0]

    def sleep(seconds: float) -> None:
        now_s[0] += seconds

    source = ReplaySource(clip(3), again=True, clock=lambda: now_s[0], sleep=sleep)
    frames = iter(source)
    seen = [next(frames) for _ in range(7)]
    assert [frame.index for frame in seen] == list(range(7))
    np.testing.assert_allclose(np.diff([frame.timestamp_s for frame in seen]), 1 / 30)
    np.testing.assert_array_equal(seen[0].image, seen[3].image)
    now_s[0] += 5.0
    assert next(frames).timestamp_s == pytest.approx(now_s[0], abs=1 / 30), "it does not hurry after a pause"
    source.close()
    assert list(frames) == []
