"""What tests and measurements of the browser's library share: its server in a thread, and clips for a camera."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from sdfl.runtime.sources import SampleSource
from sdfl.runtime.views.browser.serving import HOST, Server, configure, listen
from sdfl.runtime.web.server import HEADERS, make_app
from sdfl.runtime.web.site import SiteFile


@contextmanager
def served(files: dict[str, SiteFile]) -> Iterator[str]:
    """The address of a server of these files, as `sdfl web` runs it, until the block ends."""
    listener = listen(HOST, 0)
    server = Server(configure(make_app(files), HEADERS))
    running = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    running.start()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}/"
    finally:
        server.should_exit = True
        running.join(20)
        listener.close()


def camera_file(path: Path, frames: int) -> Path:
    """A file for the browser's camera: the first frames of the moving sample, 640 x 480 px."""
    images = (frame.image for frame in itertools.islice(SampleSource(), frames))
    options = [cv2.IMWRITE_JPEG_QUALITY, 95]
    path.write_bytes(b"".join(cv2.imencode(".jpg", image, options)[1].tobytes() for image in images))
    return path
