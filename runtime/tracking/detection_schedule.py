"""When the detector is asked for further faces: not too often, and without holding up the faces that are tracked."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from sdfl.types import Box, Detector, Image

EVERY_S = 0.3  # while some face is tracked
EVERY_ALONE_S = 0.05  # while none is: at 30 frames a second every other frame


class DetectionSchedule:
    """Runs a detector now and then.

    Args:
        detector: to run.
        background: whether it runs in a thread while a face is tracked, so that no tracked face waits for it; its boxes
            then come with a later frame, and are dropped where that has another size. Otherwise they are those of the
            same frame, and equal in every run.
    """

    def __init__(self, detector: Detector, *, background: bool = False) -> None:
        self._detector, self._background = detector, background
        self._pool: ThreadPoolExecutor | None = None
        self._pending: Future[list[Box]] | None = None
        self._pending_size: tuple[int, ...] = ()  # height and width of the frame that it is about
        self._asked_s: float | None = None

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
        if self._pending is not None and self._pending.done():
            found, self._pending = self._pending.result(), None
            if self._pending_size == image.shape[:2]:
                return found
            self._asked_s = None
        if self._pending is not None or not (lost or self._is_due(now_s, tracked)):
            return []
        self._asked_s = now_s
        if not (self._background and tracked):
            return self._detector.detect(image)
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="detector")
        self._pending, self._pending_size = self._pool.submit(self._detector.detect, image), image.shape[:2]
        return []

    def _is_due(self, now_s: float, tracked: int) -> bool:
        every_s = EVERY_S if tracked else EVERY_ALONE_S
        return self._asked_s is None or not self._asked_s <= now_s < self._asked_s + every_s - 1e-6
