"""When the detector is asked for further faces: not too often, and without holding up the faces that are tracked."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias

from sdfl.types import Box, Detector, Image

EVERY_S = 0.3  # while some face is tracked
EVERY_ALONE_S = 0.05  # while none is: at 30 frames a second every other frame
LARGEST_SHARE = 0.5  # of the time that a shared detector computes

Found: TypeAlias = tuple[tuple[int, ...], list[Box]]  # height and width of the frame that was searched; what is in it


class SharedDetector:
    """One thread that detects faces for several live sources, so that the tracked faces of none of them wait for it.

    Sources take turns in the order in which they ask, and each has one question at a time, so that those without a face
    hold up neither each other nor those with one. After every detection the thread rests for as long as that took.

    Args:
        detector: to run.
        clock: gives the time in seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        detector: Detector,
        *,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._detector, self._clock, self._sleep = detector, clock, sleep
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="shared detector")
        self._rested_s = clock()

    def submit(self, newest: Callable[[], Image]) -> Future[Found]:
        """Ask for the faces of a source.

        Args:
            newest: gives its newest frame (H, W, 3) uint8 BGR when its turn has come.
        """
        return self._pool.submit(self._detect, newest)

    def _detect(self, newest: Callable[[], Image]) -> Found:
        begin_s = self._clock()
        if begin_s < self._rested_s:
            self._sleep(self._rested_s - begin_s)
            begin_s = self._clock()
        try:
            return _search(self._detector, newest())
        finally:
            end_s = self._clock()
            self._rested_s = end_s + (end_s - begin_s) * (1 / LARGEST_SHARE - 1)


class DetectionSchedule:
    """Runs a detector now and then.

    Args:
        detector: to run.
        background: whether it runs in a thread while a face is tracked, so that no tracked face waits for it; its boxes
            then come with a later frame, and are dropped where that has another size. Otherwise they are those of the
            same frame, and equal in every run.
        shared: runs the detector in the thread of several sources, also while no face is tracked.
    """

    def __init__(self, detector: Detector, *, background: bool = False, shared: SharedDetector | None = None) -> None:
        self._detector, self._background, self._shared = detector, background, shared
        self._pool: ThreadPoolExecutor | None = None
        self._pending: Future[Found] | None = None
        self._asked_s: float | None = None
        self._newest: Image

    def boxes(self, image: Image, now_s: float, *, tracked: int, lost: bool) -> list[Box]:
        """The boxes that have come since the last frame; for most frames there are none.

        Args:
            image: (H, W, 3) uint8 BGR, the frame.
            now_s: its timestamp.
            tracked: number of faces that are tracked in it.
            lost: whether a face has just been lost, so that the detector must not wait.

        Returns:
            Boxes in frame px, the best first.
        """
        self._newest = image
        if self._pending is not None and self._pending.done():
            (size, found), self._pending = self._pending.result(), None
            if size == image.shape[:2]:
                return found
            self._asked_s = None
        if self._pending is not None or not (lost or self._is_due(now_s, tracked)):
            return []
        self._asked_s = now_s
        if self._shared is not None:
            self._pending = self._shared.submit(lambda: self._newest)
            return []
        if not (self._background and tracked):
            return self._detector.detect(image)
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._pending = self._pool.submit(_search, self._detector, image)
        return []

    def _is_due(self, now_s: float, tracked: int) -> bool:
        every_s = EVERY_S if tracked else EVERY_ALONE_S
        return self._asked_s is None or not self._asked_s <= now_s < self._asked_s + every_s - 1e-6


def _search(detector: Detector, image: Image) -> Found:
    return image.shape[:2], detector.detect(image)
