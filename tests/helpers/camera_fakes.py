"""Live sources that a test drives, and clips that stand for them."""

from __future__ import annotations

import queue
from collections.abc import Iterator

from toy_face import scene

from sdfl.errors import SourceError
from sdfl.runtime.sources import FrameSource, MemorySource
from sdfl.types import Frame

FACE = (160, 120, 40)


class FakeCamera(FrameSource):
    """A live source that gives what `send` is told, until `lose` or `close`."""

    live = True

    def __init__(self, name: str) -> None:
        self.name = name
        self._items: queue.SimpleQueue[Frame | Exception | None] = queue.SimpleQueue()
        self.sent = self.read = 0

    def send(self, *faces: tuple[float, ...], at_s: float | None = None) -> None:
        """A frame with these faces, captured at `at_s`; None for 1/30 s after the one before."""
        self._items.put(Frame(scene(*faces), self.sent, self.sent / 30 if at_s is None else at_s))
        self.sent += 1

    def lose(self, reason: str = "stopped sending") -> None:
        self._items.put(SourceError(f"{self.name}: {reason}"))

    def close(self) -> None:
        self._items.put(None)

    def __iter__(self) -> Iterator[Frame]:
        while (item := self._items.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item
            self.read += 1


class BreakingClip(FrameSource):
    """A file that is cut off after `count` frames."""

    def __init__(self, name: str, count: int) -> None:
        self.name, self._count = name, count

    def __iter__(self) -> Iterator[Frame]:
        yield from clip(self._count)
        raise SourceError(f"{self.name}: is cut off after frame {self._count}")


def clip(count: int, name: str = "clip", *, start: float = 150) -> MemorySource:
    """A clip in which the toy face moves right."""
    return MemorySource([scene((start + index, 120, 40)) for index in range(count)], name=name)
