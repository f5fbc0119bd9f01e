"""A file played as if it were a camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from sdfl.runtime.sources.base import FrameSource
from sdfl.types import Frame


class ReplaySource(FrameSource):
    """A finite source in real time: its frames come by themselves, and a slow consumer misses some.

    Args:
        source: of the frames; closed together with this one.
        again: whether it begins anew after its last frame.
        delay_s: before the first frame.
        clock: gives the time in seconds.
        sleep: waits for some seconds.
    """

    live = True

    def __init__(
        self,
        source: FrameSource,
        *,
        again: bool = False,
        delay_s: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name, self.fps, self.stills = source.name, source.fps, source.stills
        self._source, self._again, self._delay_s = source, again, delay_s
        self._clock, self._sleep = clock, sleep
        self._closed = False

    def __iter__(self) -> Iterator[Frame]:
        period_s = 1 / self.fps
        due_s = self._clock() + self._delay_s
        index = 0
        while not self._closed:
            for frame in self._source:
                while (wait_s := due_s - self._clock()) > 0 and not self._closed:
                    self._sleep(min(wait_s, 0.1))  # so that a picture, which has a frame a second, can be closed
                if self._closed:
                    return
                yield replace(frame, index=index, timestamp_s=due_s)
                index += 1
                now_s = self._clock()
                due_s += period_s
                if now_s > due_s + period_s:
                    due_s = now_s  # the file cannot be read as fast as it shall be played
            if not self._again:
                return

    def close(self) -> None:
        """End the iteration and release what the source holds."""
        self._closed = True
        self._source.close()
