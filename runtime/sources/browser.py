"""The camera of the web browser that shows the page: it sends JPEG pictures, the latest one is tracked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from sdfl.errors import SourceError
from sdfl.pictures import jpeg
from sdfl.pictures.orientation import upright
from sdfl.runtime.sources.base import FrameSource
from sdfl.runtime.sources.latest_frame import Latest
from sdfl.types import Frame, Image

JPEG_START = b"\xff\xd8\xff"
MAX_SIDE_PX = 4096
MAX_SCANNED_PX = 2 * MAX_SIDE_PX**2  # pixels times scans, which decoding takes time for; browsers write one scan
CHECK_S = 0.5  # so that Ctrl-C is heard while nobody sends
UNREADABLE = "the JPEG cannot be decoded; it is cut off or damaged"


class BrowserSource(FrameSource):
    """Pictures that pages in browsers send; waits for as long as nobody sends any.

    The `timestamp_s` of a frame is when its picture arrived at this computer.

    Args:
        clock: gives the time in seconds.
    """

    name = "camera of the browser"
    live = True

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # several pages may send at once
        self._slot: Latest[tuple[Image, float]] = Latest()

    def put(self, content: bytes) -> None:
        """Take a picture, from any thread.

        Args:
            content: of a JPEG file.

        Raises:
            SourceError: this is no JPEG, is damaged, or too large to be decoded in time.
        """
        arrived_s = self._clock()
        image = _decoded(content)
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
        """End the iteration. May be called twice."""
        self._slot.close()


def _decoded(content: bytes) -> Image:
    """The picture; its size is read from the header first, since a few kilobytes may stand for gigabytes."""
    if not content.startswith(JPEG_START):
        raise SourceError("the picture is no JPEG; send image/jpeg")
    try:
        header = jpeg.read_header(content)
        width, height = header.width, header.height
        if max(width, height) > MAX_SIDE_PX:
            most = f"{MAX_SIDE_PX} x {MAX_SIDE_PX}"
            raise SourceError(f"the picture has {width} x {height} px; at most {most} are taken")
        if width * height * header.scans > MAX_SCANNED_PX:
            scans = f"{width} x {height} px in {header.scans} scans"
            raise SourceError(f"the picture has {scans}, which take too long; send a smaller or a baseline JPEG")
        return upright(jpeg.decode(content, header), header.orientation)
    except jpeg.BadJpegError as error:
        raise SourceError(UNREADABLE) from error
