"""Endless sources, such as cameras: a thread reads all the time, and the consumer gets only the latest frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from sdfl.errors import SdflError, SourceError
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.base import FrameSource, to_bgr8
from sdfl.runtime.sources.capture import CameraMode, Capture, nominal_fps, open_device, why_no_camera
from sdfl.runtime.sources.latest_frame import Latest
from sdfl.types import Frame, Image

CAMERA_STALL_S = 15.0  # longer than V4L2 waits by itself, which is 10 s
RECOVERY_S = 120.0  # all attempts to reopen together
CAMERA_BACK_OFF_S = (0.5, 1.0, 2.0)  # enough for a loose plug and for a USB hub that restarts


class LiveSource(FrameSource):
    """Frames of an endless source.

    Args:
        name: what messages call it.
        capture: the opened reader.
        reopen: gives a new reader after a failed read, None where that fails too.
        lost: the message when no attempt to reopen has succeeded.
        back_off_s: pauses before the attempts to reopen; empty for no attempt.
        stall_s: how long a frame may take while nothing is being reopened.
        clock: gives the time in seconds.
        say: is told about attempts to reopen.
    """

    live = True

    def __init__(
        self,
        name: str,
        capture: Capture,
        reopen: Callable[[], Capture | None],
        *,
        lost: str,
        back_off_s: Sequence[float] = (),
        stall_s: float = CAMERA_STALL_S,
        clock: Callable[[], float] = time.perf_counter,
        say: Say = to_stderr,
    ) -> None:
        self.name, self.fps = name, nominal_fps(capture)
        self._reopen, self._back_off_s, self._lost, self._stall_s = reopen, back_off_s, lost, stall_s
        self._clock, self._say = clock, say
        self._slot: Latest[tuple[Image, float]] = Latest()
        self._stop, self._reopening = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(capture,), name=f"read {name}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        number = index = 0
        while True:
            try:
                number, (image, captured_s) = self._next(number)
            except EOFError:
                return
            except TimeoutError:
                raise SourceError(f"{self.name}: {self._lost}") from None
            yield Frame(image, index, captured_s)
            index += 1

    def _next(self, number: int) -> tuple[int, tuple[Image, float]]:
        try:
            return self._slot.get(number, self._stall_s)
        except TimeoutError:
            if not self._reopening.is_set():
                raise
        return self._slot.get(number, RECOVERY_S)

    def close(self) -> None:
        """Stop reading. The thread releases the reader; one that hangs in a driver is left to end with the program."""
        self._stop.set()
        self._slot.close()
        self._thread.join(timeout=2.0)

    def _run(self, capture: Capture | None) -> None:
        """The reading thread: read until a read fails, then reopen, until that fails too."""
        try:
            attempt = 0
            while capture is not None:
                if self._read_all(capture):
                    attempt = 0  # else it only seems to be back, and the pauses go on growing
                attempt, capture = (attempt, None) if self._stop.is_set() else self._recover(attempt)
            self._slot.close(SourceError(f"{self.name}: {self._lost}"))
        except SdflError as error:
            self._slot.close(error)
        except Exception as error:  # nobody else would see what ends this thread
            self._slot.close(SourceError(f"{self.name}: reading failed ({' '.join(str(error).split())})"))

    def _read_all(self, capture: Capture) -> int:
        """Read until that fails; the number of frames that have come."""
        count = 0
        try:
            while not self._stop.is_set():
                arrived, pixels = capture.read()
                if not arrived:
                    break
                self._slot.put((to_bgr8(pixels, self.name), self._clock()))
                count += 1
                self._reopening.clear()
        finally:
            capture.release()
        return count

    def _recover(self, attempt: int) -> tuple[int, Capture | None]:
        """Reopen, from the given attempt on; the number of the next one, and the reader, None after the last."""
        self._reopening.set()
        for number, pause_s in enumerate(self._back_off_s[attempt:], attempt + 1):
            self._say(f"{self.name}: stopped sending, reconnecting in {pause_s:g} s")
            if self._stop.wait(pause_s):
                break
            capture = self._reopen()
            if capture is not None:
                return number, capture
        self._reopening.clear()
        return 0, None


def open_camera(index: int, mode: CameraMode = CameraMode(), *, say: Say = to_stderr) -> LiveSource:  # noqa: B008  frozen
    """A camera.

    Args:
        index: its number.
        mode: what to ask it for.
        say: is told when it stops sending.

    Raises:
        SourceError: it does not open; says why.
    """
    capture = open_device(index, mode)
    if capture is None:
        raise SourceError(why_no_camera(index))
    return LiveSource(
        f"camera {index}",
        capture,
        lambda: open_device(index, mode),
        lost="stopped sending pictures; check its cable, then start again",
        back_off_s=CAMERA_BACK_OFF_S,
        say=say,
    )
