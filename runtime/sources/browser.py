"""The camera of the web browser that shows the page: it sends JPEG pictures, the newest one is tracked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from sdfl.errors import SourceError
from sdfl.runtime.sources.base import FrameSource
from sdfl.runtime.sources.latest_frame import Latest
from sdfl.types import Frame, Image

JPEG_START = b"\xff\xd8\xff"
MAX_SIDE_PX = 4096
CHECK_S = 0.5  # so that Ctrl-C is heard while nobody sends


class BrowserSource(FrameSource):
    """Waits for pictures for as long as nobody sends any. `timestamp_s`: when a picture arrived at this computer."""

    name = "camera of the browser"
    live = True

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # several pages may send at once
        self._slot: Latest[tuple[Image, float]] = Latest()

    def put(self, jpeg: bytes) -> None:
        """Take a picture from any thread. Raises SourceError for what is none, and for one that is too large."""
        arrived_s = self._clock()
        image = _decoded(jpeg)
        with self._lock:
            self._slot.put((image, arrived_s))

    def __iter__(self) -> Iterator[Frame]:
        number = index = 0
        while True:
            try:
                number, (image, arrived_s) = self._slot.get(number, CHECK_S)
            except TimeoutError:
                continue
            except EOFError:
                return
            yield Frame(image, index, arrived_s)
            index += 1

    def close(self) -> None:
        """End the iteration."""
        self._slot.close()


def _decoded(jpeg: bytes) -> Image:
    if not jpeg.startswith(JPEG_START):
        raise SourceError("the picture is no JPEG; send image/jpeg")
    width, height = _size(jpeg)
    if max(width, height) > MAX_SIDE_PX:
        raise SourceError(f"the picture has {width} x {height} px; at most {MAX_SIDE_PX} x {MAX_SIDE_PX} are taken")
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError("the JPEG cannot be decoded; it is cut off or damaged")
    return np.asarray(image, np.uint8)


def _size(jpeg: bytes) -> tuple[int, int]:
    """(width, height) px of the header, before anything is decoded: a few kilobytes may stand for gigabytes."""
    place = 2
    while place + 9 <= len(jpeg) and jpeg[place] == 0xFF:
        marker, length = jpeg[place + 1], int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if marker < 0xC0 or marker == 0xFF or 0xD0 <= marker <= 0xD9:
            break  # has no length: a decoder skips it, and would find another header than this does
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = (int.from_bytes(jpeg[place + at : place + at + 2], "big") for at in (5, 7))
            return width, height
        place += 2 + max(length, 2)
    raise SourceError("the JPEG cannot be decoded; it is cut off or damaged")
