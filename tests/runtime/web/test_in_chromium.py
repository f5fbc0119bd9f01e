"""The browser's library and its page in a real Chromium: the camera, offline, any host, pictures, mistakes."""

from __future__ import annotations

import base64
import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest

from sdfl import FaceLandmarker
from sdfl.runtime.sources.sample import astronaut
from sdfl.runtime.web.site import SiteFile, site_files, write_site

pytest.importorskip("skimage", reason="the sample clip's picture comes with scikit-image")
chromium = pytest.importorskip("chromium", reason="needs the package websockets")
web_pages = pytest.importorskip("web_pages", reason="needs the server of the extra demo")
pytestmark = web_pages.IN_CHROMIUM
AS_JSON, IS_READY, PATIENCE_S = web_pages.AS_JSON, web_pages.IS_READY, web_pages.PATIENCE_S
compare, create, opened = web_pages.compare, web_pages.create, web_pages.opened
IS_KEPT = "navigator.serviceWorker.ready.then(worker => worker.active.state == 'activated')"


def test_the_page_tracks_its_camera_and_works_offline(tmp_path: Path) -> None:
    camera = web_pages.camera_file(tmp_path / "camera.mjpeg", 60)
    with chromium_and_server(tmp_path, camera) as (page, stop):
        page.wait(IS_READY, limit_s=PATIENCE_S)
        page.run("document.getElementById('start').click()")
        page.wait("document.getElementById('faces').textContent == '1'", limit_s=PATIENCE_S)
        page.wait("document.getElementById('status').textContent == 'live'")  # it may follow the first face
        assert page.run("document.getElementById('ask').hidden")
        assert page.run("document.getElementById('set-camera').options.length") == 1
        page.wait("Number(document.getElementById('fps').textContent) > 0")
        page.wait("Number(document.getElementById('latency').textContent) > 0")
        inked = (
            "(() => { const { width, height } = overlay; return overlay.getContext('2d').getImageData(0, 0, width,"
            " height).data.filter((value, i) => i % 4 == 3 && value > 0).length; })()"
        )
        assert page.run(inked) > 300, "the points are drawn"
        assert page.run("document.getElementById('frame').className") == "mirrored", "as in a mirror"
        page.run("document.getElementById('set-mirror').click()")
        assert page.run("document.getElementById('frame').className") == ""
        page.run("document.getElementById('set-points').click()")
        page.wait(f"{inked} == 0")
        change = "for (const model of document.querySelectorAll('#set-model')) { model.value = 'nano';"
        page.run(change + " model.dispatchEvent(new Event('change')); }")
        page.wait("!document.getElementById('set-model').disabled", limit_s=PATIENCE_S)
        page.wait(
            "navigator.serviceWorker.ready.then(worker => worker.active.state == 'activated')", limit_s=PATIENCE_S
        )
        stop()
        page.send("Page.reload")
        page.wait(IS_READY, limit_s=PATIENCE_S)
        page.run("document.getElementById('start').click()")
        page.wait("document.getElementById('faces').textContent == '1'", limit_s=PATIENCE_S)
        assert len(page.hosts) == 1, "nothing is asked of another host"
        assert [error for error in page.errors if "ERR_CONNECTION_REFUSED" not in error] == []


@contextmanager
def chromium_and_server(folder: Path, camera: Path) -> Iterator[tuple[Any, Any]]:
    """A page and what ends its server."""
    serving = web_pages.served(site_files())
    address, ended = serving.__enter__(), threading.Event()

    def stop() -> None:
        ended.set()
        serving.__exit__(None, None, None)

    try:
        with chromium.open_page(address, folder, camera=camera) as page:
            yield page, stop
    finally:
        if not ended.is_set():
            stop()


def test_any_static_host_will_do(tmp_path: Path) -> None:
    write_site(tmp_path / "site")
    handler = functools.partial(Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            with chromium.open_page(f"http://127.0.0.1:{server.server_port}/", tmp_path) as page:
                page.wait(IS_READY, limit_s=PATIENCE_S)
                assert not page.run("crossOriginIsolated"), "this host sets no headers"
                page.wait(IS_KEPT, limit_s=PATIENCE_S)
                page.send("Page.reload")
                page.wait(IS_READY, limit_s=PATIENCE_S)
                assert page.run("crossOriginIsolated"), "the service worker sets them"
                create(page, model="nano", threads=2)
                assert page.run("landmarker.detect(new ImageData(64, 64)).then(faces => faces.length)") == 0
                assert (len(page.hosts), page.errors) == (1, [])
        finally:
            server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain static host."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        pass


def test_a_picture_and_every_mistake(tmp_path: Path) -> None:
    mistakes = {
        "library.FaceLandmarker.create({ modle: 'small' })": "modle: no such option; there are model, precision, ",
        "library.FaceLandmarker.create({ model: 'huge' })": "model must be one of nano, small, medium, large, free, ",
        "library.FaceLandmarker.create({ model: 'sw.onnx' })": "sw.onnx cannot be loaded (404); set the option assets ",
        "library.FaceLandmarker.create({ model: 'sdfl/models/sdfl_faces.onnx' })": (
            "sdfl/models/sdfl_faces.onnx is not a landmark model of this project; "
        ),
        "library.FaceLandmarker.create({ maxFaces: 0 })": "maxFaces must be a whole number of at least 1, got 0",
        "library.FaceLandmarker.create({ precision: 'fp8' })": "precision must be fp32 or int8, got fp8",
        "library.FaceLandmarker.create({ device: 'tpu' })": "device must be wasm or webgpu, got tpu",
        "landmarker.detect({})": "the picture must be a <video>, <img>, <canvas>, ",
        "landmarker.detect(document.createElement('video'))": "the picture has no pixels yet; ",
        "landmarker.detectForVideo(picture, NaN)": "timestampMs must be a number, got NaN",
        "landmarker.detect(picture), landmarker.detect(picture)": "the last call has not finished; await it ",
        "landmarker.close().then(() => landmarker.detect(picture))": "this FaceLandmarker was closed; ",
    }
    png = base64.b64encode(cv2.imencode(".png", astronaut())[1].tobytes()).decode()
    script = f"""(async () => {{
      const image = new Image();
      image.src = 'data:image/png;base64,{png}';
      await image.decode();
      window.picture = image;
      const faces = await landmarker.detect(image);
      return {AS_JSON};
    }})()"""
    with opened(tmp_path) as page:
        create(page, model="small")
        faces = page.run(script)
        with FaceLandmarker("small", precision="fp32", backend="onnxruntime", threads=1) as landmarker:
            assert compare([faces], [landmarker.detect(astronaut())]).max() <= 0.01
        for script, message in mistakes.items():
            asked = f"(async () => ({script}))().then(() => 'no error', error => error.message)"
            told = page.run(asked)
            assert told.startswith(message), f"{script}: {told}"
            page.run("new Promise(done => setTimeout(done, 300))")  # until what was begun has ended
        page.errors = [error for error in page.errors if "404" not in error]


def test_the_page_of_the_guide_runs(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guide" / "browser.md").read_text(encoding="utf-8")
    [page_text] = re.findall(r"^```html\n(.*?)^```$", guide, flags=re.M | re.S)
    (tmp_path / "guide.html").write_text(page_text, encoding="utf-8")
    files = site_files() | {"guide.html": SiteFile("guide.html", tmp_path / "guide.html")}
    camera = web_pages.camera_file(tmp_path / "camera.mjpeg", 30)
    with (
        web_pages.served(files) as address,
        chromium.open_page(f"{address}guide.html", tmp_path, camera=camera) as page,
    ):
        told = "document.getElementById('result').textContent"
        page.wait(f"{told}.startsWith('face 1: tip of the nose')", limit_s=PATIENCE_S)
