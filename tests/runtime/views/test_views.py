"""Views: the page and its stream as a browser gets them, and the choice between views."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from toy_face import scene

from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views import default_view, open_view
from sdfl.runtime.views.base import FrameStats
from sdfl.runtime.views.browser import serving
from sdfl.runtime.views.browser.view import BrowserView
from sdfl.runtime.views.window import WindowView, has_gui

STATS = FrameStats(
    source="sample",
    model="toy",
    frame=3,
    faces=1,
    ms=1.9,
    latency_ms=2.5,
    latency_p50_ms=2.4,
    latency_p95_ms=3.0,
    latency_p99_ms=4.0,
    fps=29.7,
)


@pytest.fixture
def browser() -> Iterator[BrowserView]:
    view = BrowserView(port=0, token=False, say=lambda _: None)
    yield view
    view.close()


def get(view: BrowserView, path: str, *, host: str | None = None) -> bytes:
    headers = {"Host": host} if host else {}
    with urlopen(Request(view.address + path, headers=headers), timeout=5) as answer:
        return bytes(answer.read())


def test_the_page_refers_to_nothing_outside(browser: BrowserView) -> None:
    page = get(browser, "").decode()
    assert "/stream.mjpg" in page
    links = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"'\s)>]+)""", page)
    assert all(link.startswith(("/", "data:")) for link in links), links


def test_the_icon_is_where_browsers_look_for_it_unasked(browser: BrowserView) -> None:
    assert get(browser, "favicon.ico") == get(browser, "static/icon.svg")


def test_the_first_picture_of_the_stream_decodes(browser: BrowserView) -> None:
    image = scene((160, 120, 40))
    browser.show(image, STATS)
    with urlopen(browser.address + "stream.mjpg", timeout=5) as stream:
        assert stream.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        assert stream.readline() == b"--frame\r\n"
        assert stream.readline() == b"Content-Type: image/jpeg\r\n"
        length = int(stream.readline().split(b":")[1])
        assert stream.readline() == b"\r\n"
        picture = cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR)
        assert stream.read(11) == b"\r\n--frame\r\n", "the boundary comes with the picture"
    assert picture is not None
    assert np.abs(picture.astype(int) - image).mean() < 4


def test_the_figures_are_those_of_the_newest_frame(browser: BrowserView) -> None:
    assert "source" not in json.loads(get(browser, "stats.json"))
    browser.show(scene(), STATS)
    figures = json.loads(get(browser, "stats.json"))
    assert (figures["source"], figures["faces"], figures["ms"]) == ("sample", 1, 1.9)


def test_closing_ends_an_open_stream_and_frees_the_port() -> None:
    view = BrowserView(port=0, token=False, say=lambda _: None)
    view.show(scene(), STATS)
    with urlopen(view.address + "stream.mjpg", timeout=5) as stream:
        started_s = time.monotonic()
        view.close()
        stream.read()
    assert time.monotonic() - started_s < 3
    with pytest.raises(URLError):
        get(view, "")


def test_a_viewer_that_takes_nothing_does_not_slow_tracking(browser: BrowserView) -> None:
    port = int(browser.address.rsplit(":")[2].strip("/"))
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with socket.create_connection(("127.0.0.1", port)) as viewer:
        viewer.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        started_s = time.monotonic()
        for _ in range(200):
            assert browser.show(noise, STATS)
            time.sleep(0.001)
    assert time.monotonic() - started_s < 2.0


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        pytest.param("secret.txt", None, 404, id="unknown address"),
        pytest.param("stats.json", "evil.example:8000", 403, id="a foreign page under its own name"),
    ],
)
def test_what_is_refused(browser: BrowserView, path: str, host: str | None, status: int) -> None:
    with pytest.raises(HTTPError) as caught:
        get(browser, path, host=host)
    assert caught.value.code == status


def test_the_address_is_said_once_and_is_local() -> None:
    said: list[str] = []
    BrowserView(port=0, say=said.append).close()
    assert len(said) == 1
    assert re.search(r"http://127\.0\.0\.1:\d+/\?token=\S{20,} ", said[0])


def test_a_taken_port_gives_way_to_a_free_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(serving, "PORT", port)
        view = BrowserView(say=lambda _: None)
        view.close()
        assert f":{port}/" not in view.address
        with pytest.raises(SdflError, match=f"port {port} .* cannot be used"):
            BrowserView(port=port, say=lambda _: None)


@pytest.mark.parametrize(
    ("system", "option"),
    [
        pytest.param({}, socket.SO_REUSEADDR, id="Linux and macOS"),
        pytest.param({"SO_EXCLUSIVEADDRUSE": -5}, -5, id="Windows, where SO_REUSEADDR shares a port"),
    ],
)
def test_nobody_shares_the_port(system: dict[str, int], option: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in system.items():
        monkeypatch.setattr(socket, name, value, raising=False)
    options: list[int] = []
    monkeypatch.setattr(socket.socket, "setsockopt", lambda _, level, option, value: options.append(option))
    serving.listen("127.0.0.1", 0).close()
    assert options == [option]


@pytest.mark.parametrize(
    ("system", "environ", "gui", "expected"),
    [
        pytest.param("linux", {"DISPLAY": ":0"}, True, "window", id="X11"),
        pytest.param("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True, "window", id="Wayland"),
        pytest.param("linux", {"DISPLAY": ":0"}, False, "browser", id="OpenCV without windows"),
        pytest.param("linux", {}, True, "browser", id="no display"),
        pytest.param("darwin", {}, True, "window", id="macOS"),
        pytest.param("win32", {}, True, "window", id="Windows"),
        pytest.param("win32", {}, False, "browser", id="Windows, OpenCV without windows"),
        pytest.param("darwin", {"SSH_CONNECTION": "::1 22"}, True, "browser", id="macOS from another computer"),
    ],
)
def test_choice_of_view(
    monkeypatch: pytest.MonkeyPatch, system: str, environ: dict[str, str], gui: bool, expected: str
) -> None:
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("sdfl.runtime.views.window.has_gui", lambda: gui)
    assert default_view(environ) == expected


def test_an_unknown_view_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match="view must be one of window, browser, none, got 'tv'"):
        open_view("tv")


def test_what_only_the_browser_has_is_refused_elsewhere() -> None:
    with pytest.raises(ConfigError, match="--host needs --view browser, got --view none"):
        open_view("none", host="0.0.0.0")
    with pytest.raises(ConfigError, match="--no-token needs --view browser, got --view window"):
        open_view("window", token=False)
    with BrowserSource() as camera, pytest.raises(ConfigError, match="--source browser needs --view browser"):
        open_view("none", camera=camera)


@pytest.mark.skipif(has_gui(), reason="this OpenCV can open windows")
def test_a_window_without_gui_says_what_to_do() -> None:
    with pytest.raises(SdflError, match="use --view browser"):
        WindowView(say=lambda _: None)


@pytest.mark.parametrize(
    ("visible", "shown"),
    [
        pytest.param([1.0, 1.0, 0.0], 2, id="closed"),
        pytest.param([1.0, 1.0, -1.0], 2, id="closed, Windows"),
        pytest.param([1.0, cv2.error("NULL guiReceiver")], 1, id="closed, Qt"),
        pytest.param([0.0, 1.0, 1.0, 0.0], 3, id="shown late"),
        pytest.param([-1.0] * 5, 5, id="GTK, which never tells"),
    ],
)
def test_a_window_ends_when_it_is_closed(
    monkeypatch: pytest.MonkeyPatch, visible: list[float | cv2.error], shown: int
) -> None:
    def tell(*_: object) -> float:
        answer = visible.pop(0)
        if isinstance(answer, cv2.error):
            raise answer
        return answer

    monkeypatch.setattr("sdfl.runtime.views.window.has_gui", lambda: True)
    for name in ("namedWindow", "resizeWindow", "imshow", "setWindowTitle", "destroyAllWindows"):
        monkeypatch.setattr(cv2, name, lambda *_: None)
    monkeypatch.setattr(cv2, "waitKey", lambda _: -1)
    monkeypatch.setattr(cv2, "getWindowProperty", tell)
    view = WindowView(say=lambda _: None)
    times = 0
    while visible and view.show(scene(), STATS):
        times += 1
    view.close()
    assert times == shown
