"""What tests and measurements of the browser's library share: server, pages, a camera, the comparison with Python."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import chromium
import cv2
import numpy as np
import pytest

from sdfl import Face
from sdfl.runtime.sources import SampleSource
from sdfl.runtime.views.browser.serving import HOST, Server, configure, listen
from sdfl.runtime.web.server import HEADERS, make_app
from sdfl.runtime.web.site import DIST, SiteFile, site_files

IN_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.find_chromium() is None, reason="no Chromium or Chrome is installed"),
    pytest.mark.skipif(not DIST.is_dir(), reason="the browser's library is not built (make web)"),
]
PATIENCE_S = 120  # on a busy computer
IS_READY = "document.getElementById('status')?.textContent == 'ready'"
LOAD = "import('./sdfl/face-landmarker.js').then(async library => {{ window.library = library; {then} }})"
AS_JSON = "faces.map(({id, presence, box, points, pose}) => ({id, presence, box, points, pose}))"


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


def create(page: Any, **options: Any) -> None:
    """Make `landmarker` in the page."""
    then = f"window.landmarker = await library.FaceLandmarker.create({json.dumps(options)}); return 0;"
    page.run(LOAD.format(then=then))


@contextmanager
def opened(folder: Path, files: dict[str, SiteFile] | None = None, **options: Any) -> Iterator[Any]:
    """The page of the site in a browser with an empty profile."""
    with (
        served(files or site_files()) as address,
        chromium.open_page(address, folder, **options) as page,
    ):
        page.wait(IS_READY, limit_s=PATIENCE_S)
        yield page
        assert page.errors == []
        assert page.hosts == {address.split("/")[2]}, "nothing is asked of another host"


def compare(found: list[list[dict[str, Any]]], wanted: list[list[Face]], *, pose_deg: float = 0.2) -> Any:
    """Distances of all points, px; fails where ids differ in a frame, or poses by more than `pose_deg`."""
    assert [[face["id"] for face in faces] for faces in found] == [[face.id for face in faces] for faces in wanted]
    pairs = [pair for faces, others in zip(found, wanted, strict=True) for pair in zip(faces, others, strict=True)]
    for face, other in pairs:
        assert face["presence"] == pytest.approx(other.presence, abs=0.02)
        assert list(face["pose"].values()) == pytest.approx([*vars(other.pose).values()], abs=pose_deg)
        assert list(face["box"].values()) == pytest.approx(other.box.xyxy.tolist(), abs=2.0)
    points = [[[point["x"], point["y"]] for point in face["points"]] for face, _ in pairs]
    return np.linalg.norm(np.array(points) - np.array([other.landmarks.points for _, other in pairs]), axis=2)
