"""The page in a real Chromium: live picture, switches, occluder, and its own camera fed from a file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

from sdfl.runtime.live.pipeline import run
from sdfl.runtime.live.switchboard import Switchboard
from sdfl.runtime.sources import FrameSource, SampleSource
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.browser.view import BrowserView

pytest.importorskip("skimage", reason="the sample clip's picture comes with scikit-image")
chromium = pytest.importorskip("chromium", reason="needs the package websockets")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.find_chromium() is None, reason="no Chromium or Chrome is installed"),
]


@contextmanager
def live(source: FrameSource, *, host: str | None = None) -> Iterator[tuple[BrowserView, Switchboard]]:
    """The program behind the page, running until the block ends."""
    camera = source if isinstance(source, BrowserSource) else None
    with Switchboard(threads=1) as board:
        view = BrowserView(port=0, host=host, say=lambda _: None, controls=board, camera=camera)
        ended = threading.Event()
        show = view.show
        view.show = lambda image, stats: show(image, stats) and not ended.is_set()  # type: ignore[method-assign]
        running = threading.Thread(target=run, args=(source, board, view), kwargs={"progress": board.prepared})
        running.start()
        try:
            yield view, board
        finally:
            ended.set()
            source.close()
            running.join(20)
            view.close()


def test_the_page_of_a_clip(tmp_path: Path) -> None:
    with live(SampleSource()) as (view, board), chromium.open_page(view.address, tmp_path) as page:
        page.wait("at('status').textContent == 'live' && at('picture').naturalWidth == 640")
        page.wait("rows.jitter.filter(value => value > 0).length > 10")
        page.wait("at('faces').textContent == '1' && Number(at('latency_p50_ms').textContent) > 0")
        inked = (
            "[...document.querySelectorAll('canvas')].map(c => c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data.filter((value, i) => i % 4 == 3 && value > 0).length)"
        )
        assert all(count > 500 for count in page.run(inked)), "both plots are drawn"

        page.run("at('set-precision').value = 'int8'; at('set-precision').dispatchEvent(new Event('change'))")
        page.wait("state.settings.precision == 'int8' && !state.loading")
        page.run("at('set-model').value = 'medium'; at('set-model').dispatchEvent(new Event('change'))")
        page.wait("state.settings.model == 'medium' && !state.loading && at('model').textContent.startsWith('medium')")
        for key in ("smoothing", "edges", "occluder"):
            page.wait(f"!at('set-{key}').disabled")
            page.run(f"at('set-{key}').click()")
        page.wait("!state.settings.smoothing && state.settings.edges && state.settings.occluder && !state.loading")
        page.wait("!at('set-smoothing').disabled && !at('occluder').hidden && !at('legend').hidden")

        before = board.state()["settings"]["occluder"]
        page.drag("#occluder", 60, -40)
        page.wait("!sending && !dragging")
        after = board.state()["settings"]["occluder"]
        width, height = page.run("[at('frame').clientWidth, at('frame').clientHeight]")
        moved = (60 / width, -40 / height) * 2
        assert [b - a for a, b in zip(before, after, strict=True)] == pytest.approx(moved, abs=0.01)
        page.drag("#occluder i", 500, 500)
        page.wait("!sending && !dragging")
        assert board.state()["settings"]["occluder"][2:] == (pytest.approx(1), pytest.approx(1)), "ends at the border"
        page.run(
            "canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 480 });"
            "pixel = () => { const pen = canvas.getContext('2d'); pen.drawImage(at('picture'), 0, 0);"
            "return [...pen.getImageData(620, 470, 1, 1).data].slice(0, 3); }"
        )
        page.wait("pixel().every(value => Math.abs(value - 96) < 6)")  # the stream shows the covered picture

        assert page.hosts == {view.address.split("/")[2]}, "nothing is asked of another host"
        assert page.errors == []


def test_the_camera_of_the_browser_is_tracked(tmp_path: Path) -> None:
    clip = tmp_path / "camera.mjpeg"
    frames = itertools.islice(SampleSource(), 30)
    clip.write_bytes(b"".join(cv2.imencode(".jpg", frame.image)[1].tobytes() for frame in frames))
    with live(BrowserSource()) as (view, _), chromium.open_page(view.address, tmp_path, camera=clip) as page:
        page.wait("!at('ask').hidden && at('status').textContent == 'waiting for a camera'")
        page.run("at('camera').click()")
        page.wait("at('status').textContent == 'live' && at('faces').textContent == '1'")
        page.wait("rows.number.length > 20")
        assert page.run("at('ask').hidden")
        page.run("stream.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
        page.wait("!at('ask').hidden && at('status').textContent == 'waiting for a camera'")
        assert page.run("stream === null && at('why').textContent") == "The camera was disconnected."
        page.run("at('camera').click()")
        page.wait("at('status').textContent == 'live' && rows.number.length > 5")
        assert page.run("rows.number.every((number, i) => i == 0 || number > rows.number[i - 1])")
        assert page.errors == []


def test_the_page_with_a_token(tmp_path: Path) -> None:
    is_live = "at('status').textContent == 'live' && at('picture').naturalWidth == 640"
    with live(SampleSource(), host="0.0.0.0") as (view, _):
        token = view.address.partition("?token=")[2]
        port = view.address.split(":")[2].split("/")[0]
        address = f"http://127.0.0.1:{port}/?token={token}"
        with chromium.open_page(address, tmp_path) as page:
            page.wait(is_live)
            assert "token" not in page.run("location.href"), "it leaves the address bar"
            assert page.run("document.cookie") == "", "scripts cannot read it"
            page.run("location.reload()")
            page.wait(is_live)
            page.send("Page.navigate", url=f"data:text/html,<a href='{address}'>a chat</a>")
            page.wait("document.querySelector('a')?.textContent == 'a chat'")
            page.run("document.querySelector('a').click()")
            page.wait("document.getElementById('status')?.textContent == 'live'")
            assert page.run("location.href + document.referrer") == f"http://127.0.0.1:{port}/"
            assert page.errors == []
