"""When frames are shown, from the times that a file has, which may start anywhere, be rounded, missing or go back."""

from __future__ import annotations

ROUNDING_S = 0.001  # Matroska and WebM keep whole milliseconds


class FrameTimes:
    """Seconds from the first frame on; each frame lies after the one before.

    Attributes:
        last_s: time of the frame before.

    Args:
        fps: nominal rate, used where a time is missing, and where one is nothing but a multiple of it that was rounded.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._start_s: float | None = None
        self.last_s = 0.0

    def place(self, time_s: float | None) -> float:
        """The time of the next frame.

        Args:
            time_s: as the file has it, None where it has none.
        """
        if self._start_s is None:
            self._start_s = time_s or 0.0
            return 0.0
        next_s = self._exact_s(self.last_s + 1 / self._fps)
        raw_s = next_s if time_s is None else time_s - self._start_s
        now_s = self._exact_s(raw_s)
        if now_s <= self.last_s:
            now_s = raw_s  # two frames within the rounding
        if time_s is not None and now_s <= self.last_s:  # joined recordings start their clock again
            now_s, self._start_s = next_s, time_s - next_s
        self.last_s = now_s
        return now_s

    def _exact_s(self, time_s: float) -> float:
        even_s = round(time_s * self._fps) / self._fps
        return even_s if abs(even_s - time_s) <= ROUNDING_S else time_s
