"""Several sources at the same time: a thread reads each, and a round has a frame of every source that has a new one."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType

from sdfl.errors import ConfigError, SdflError, SourceError
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.base import FrameSource
from sdfl.types import Frame

Round = list[tuple[int, Frame]]  # number of the source, and its frame

WAKE_S = 0.5  # how long a consumer waits at most before it heeds Ctrl-C, which Windows does not tell a waiting thread
END_S = 1.0  # how long the end waits for reading threads


class ManySources:
    """A context manager that reads several opened sources. None waits for another, but for files among themselves.

    Of a live source, a round has the newest frame; older ones are dropped. A round begins as soon as any live source
    has a new frame, and then has one of every source that is ready. Without live sources it has the next frame of every
    file that has not ended, so that runs are equal.

    A source that fails in the middle ends alone: one line says so, and the others go on.

    Args:
        sources: opened; they are not closed.
        max_frames: after which each source ends, None for no limit.
        say: is told which source has failed.

    Attributes:
        sources: as given.
        names: of the sources; equal ones are numbered.
        lost: number of a source that has failed -> its error.

    Raises:
        ConfigError: there is no source, or the same opened one twice.
    """

    def __init__(self, sources: Sequence[FrameSource], *, max_frames: int | None = None, say: Say = to_stderr) -> None:
        if not sources:
            raise ConfigError("there is no source; give at least one")
        if len(set(map(id, sources))) < len(sources):
            raise ConfigError("the same opened source is given twice; open it once for each time")
        self.sources, self.names = list(sources), _unique([source.name for source in sources])
        self.lost: dict[int, SdflError] = {}
        self._say = say
        self._changed, self._stopped = threading.Condition(), False
        self._slots = [_Slot(source, max_frames) for source in sources]
        self._threads = [
            threading.Thread(target=self._read, args=(slot,), name=f"read {slot.source.name}", daemon=True)
            for slot in self._slots
        ]
        for thread in self._threads:
            thread.start()

    @property
    def any_live(self) -> bool:
        """Whether frames of any source come by themselves."""
        return any(source.live for source in self.sources)

    def rounds(self) -> Iterator[Round]:
        """New frames, in the order of the sources, until every source has ended. May be called once.

        Yields:
            At most one frame of each source; none where a source was lost and no other one has a frame.

        Raises:
            SourceError: some source has failed, after all others have ended.
        """
        while True:
            with self._changed:
                while not self._stopped and not self._is_ready():
                    self._changed.wait(WAKE_S)
                if self._stopped:
                    return
                taken = [(number, slot.take()) for number, slot in enumerate(self._slots) if slot.frame is not None]
                failed = {n: slot.failure for n, slot in enumerate(self._slots) if slot.failure and slot.is_over}
                all_over = all(slot.is_over for slot in self._slots)
                self._changed.notify_all()
            new = {number: error for number, error in failed.items() if number not in self.lost}
            self.lost |= new
            for number, error in new.items() if len(self._slots) > 1 else ():
                self._say(f"{_named(self.names[number], error)}{'' if all_over else '; the other sources go on'}")
            if taken or new:
                yield taken
            if all_over:
                break
        self._raise_lost()

    def close(self) -> None:
        """Stop reading. A thread that waits for a live source ends when that gives a frame or is closed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        until_s = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))

    def __enter__(self) -> ManySources:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_ready(self) -> bool:
        """Whether there is a round, a loss to tell, or nothing more to come."""
        waiting = [slot for slot in self._slots if not slot.is_over]
        if not waiting or any(
            slot.failure and n not in self.lost for n, slot in enumerate(self._slots) if slot.is_over
        ):
            return True
        if any(slot.source.live for slot in waiting):
            return any(slot.frame is not None for slot in waiting)
        return all(slot.frame is not None for slot in waiting)

    def _raise_lost(self) -> None:
        if len(self._slots) == 1 and self.lost:
            raise self.lost[0]
        if self.lost:
            names = ", ".join(self.names[number] for number in sorted(self.lost))
            raise SourceError(f"{len(self.lost)} of {len(self._slots)} sources failed: {names}")

    def _read(self, slot: _Slot) -> None:
        """The reading thread of a source."""
        failure: SdflError | None = None
        try:
            for frame in slot.source:
                if not self._put(slot, frame):
                    break
        except SdflError as error:
            failure = error
        except Exception as error:  # nobody else would see what ends this thread
            failure = SourceError(f"{slot.source.name}: reading failed ({' '.join(str(error).split())})")
        with self._changed:
            slot.ended, slot.failure = True, None if slot.is_full else failure
            self._changed.notify_all()

    def _put(self, slot: _Slot, frame: Frame) -> bool:
        """Hand over a frame, of a file after the one before was taken; whether more are wanted."""
        with self._changed:
            if not slot.source.live:
                self._changed.wait_for(lambda: self._stopped or slot.frame is None)
            if self._stopped or slot.is_full:
                return False
            slot.frame = frame
            self._changed.notify_all()
            return True


class _Slot:
    """The newest frame of a source, and how it ended."""

    def __init__(self, source: FrameSource, max_frames: int | None) -> None:
        self.source, self._max_frames = source, max_frames
        self.frame: Frame | None = None
        self.ended = False
        self.failure: SdflError | None = None
        self._taken = 0

    @property
    def is_full(self) -> bool:
        """Whether as many frames were taken as are wanted."""
        return self._max_frames is not None and self._taken >= self._max_frames

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes."""
        return self.is_full or (self.ended and self.frame is None)

    def take(self) -> Frame:
        """The frame; those of a live source are counted as they are taken."""
        frame, self.frame = self.frame, None
        assert frame is not None, "the caller has looked for it"
        self._taken += 1
        return replace(frame, index=self._taken - 1) if self.source.live else frame


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that come more than once."""
    count, seen = Counter(names), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name} #{seen[name]}" if count[name] > 1 else name)
    return unique


def _named(name: str, error: SdflError) -> str:
    """The message of an error, which begins with the name of its source."""
    return str(error) if name in str(error) else f"{name}: {error}"
