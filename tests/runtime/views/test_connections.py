"""Programs that hold connections, send half a request or take nothing lock nobody out and do not delay the end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import cv2
import numpy as np
import pytest
from raw_http import FakeControls, connect, exchange, get, post, read_all, read_until
from toy_face import scene

from sdfl.runtime.sources import browser as source_module
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.base import FrameStats
from sdfl.runtime.views.browser import connections
from sdfl.runtime.views.browser.serving import ACCEPTED_AT_ONCE
from sdfl.runtime.views.browser.view import BrowserView
from sdfl.types import Image

pytestmark = pytest.mark.slow
JSON, JPEG = b"Content-Type: application/json", b"Content-Type: image/jpeg"
STATS = FrameStats("s", "m", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 30.0)
OPEN = b"GET /stats.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
STREAM = b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF_HEAD = b"GET / HTTP/1.1\r\nHost:"
HALF_BODY = post(b"/settings", b"{", JSON, length=b"9")


@pytest.fixture
def camera() -> Iterator[BrowserSource]:
    with BrowserSource() as source:
        yield source


@pytest.fixture
def make_view(camera: BrowserSource) -> Iterator[Callable[..., BrowserView]]:
    with ExitStack() as stack:

        def make(*, token: bool = False) -> BrowserView:
            view = BrowserView(port=0, token=token, say=lambda _: None, controls=FakeControls(), camera=camera)
            stack.callback(view.close)
            return view

        yield make


@pytest.fixture
def view(make_view: Callable[..., BrowserView]) -> BrowserView:
    return make_view()


@pytest.fixture
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, length_s in {"HEAD_S": 0.3, "BODY_S": 0.6, "REST_S": 0.2, "STALLED_S": 0.5}.items():
        monkeypatch.setattr(connections, name, length_s)


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("sent", "statuses", "least_s", "most_s"),
    [
        pytest.param(b"", [], 0.25, 2, id="nothing"),
        pytest.param(HALF_HEAD, [408], 0.25, 2, id="half of the headers"),
        pytest.param(HALF_BODY, [408], 0.55, 2, id="half of the body"),
        pytest.param(get(b"/stream.mjpg", b"Content-Length: 9") + b"a", [200], 0.55, 2, id="half a body, stream"),
        pytest.param(get(b"/", b"Content-Length: 9", host=b"evil.example"), [403], 0, 2, id="half, and refused"),
        pytest.param(OPEN, [200], 0.25, 2, id="nothing after an answer"),
        pytest.param(OPEN + HALF_HEAD, [200, 408], 0.25, 2, id="half of a second request"),
    ],
)
@pytest.mark.usefixtures("short_deadlines")
def test_a_request_has_a_deadline(
    view: BrowserView, sent: bytes, statuses: list[int], least_s: float, most_s: float
) -> None:
    started_s = time.monotonic()
    answer = exchange(view, sent)
    took_s = time.monotonic() - started_s
    assert answer.closed
    assert answer.statuses == statuses
    assert least_s < took_s < most_s


@pytest.mark.usefixtures("short_deadlines")
def test_sending_a_byte_now_and_then_does_not_extend_the_deadline(view: BrowserView) -> None:
    started_s = time.monotonic()
    with connect(view, b"GET / HTTP/1.1\r\n") as sender, suppress(ConnectionError):
        while time.monotonic() - started_s < 5:
            sender.sendall(b"X")
            time.sleep(0.05)
    assert time.monotonic() - started_s < 2


@pytest.mark.usefixtures("short_deadlines")
def test_a_stream_goes_on_after_the_deadlines(view: BrowserView) -> None:
    with connect(view, STREAM) as viewer:
        for _ in range(15):
            view.show(scene(), STATS)
            time.sleep(0.1)
        read_until(viewer, b"image/jpeg")
        view.show(scene(), STATS)
        read_until(viewer, b"\xff\xd9\r\n--frame\r\n")


@pytest.mark.usefixtures("short_deadlines")
def test_a_viewer_that_takes_nothing_is_dropped(view: BrowserView) -> None:
    with connect(view, STREAM) as viewer:
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ended_s = time.monotonic() + 5
        while view._server.server_state.connections and time.monotonic() < ended_s:
            view.show(noise(720, 1280), STATS)
            time.sleep(0.05)
        assert not view._server.server_state.connections, "its connection and its picture are gone"


@pytest.mark.parametrize("sent", [b"", HALF_HEAD, HALF_BODY], ids=["silent", "half a head", "half a body"])
def test_who_holds_connections_locks_nobody_out(make_view: Callable[..., BrowserView], sent: bytes) -> None:
    """All come from the same address, as those of the users of one computer do."""
    view = make_view(token=True)
    path = b"/stats.json?token=" + view.address.partition("?token=")[2].encode()
    with ExitStack() as stack:
        page = stack.enter_context(connect(view, get(path).replace(b"Connection: close\r\n", b"")))
        read_until(page, b'"state"')
        for _ in range(2 * connections.MAX_CONNECTIONS):
            stack.enter_context(connect(view, sent))
        started_s = time.monotonic()
        assert exchange(view, get(path)).statuses == [200]
        assert time.monotonic() - started_s < 1
        page.sendall(get(path))
        assert read_all(page).statuses == [200], "the page's idle connection was kept"
        assert len(view._server.server_state.connections) <= connections.MAX_CONNECTIONS + ACCEPTED_AT_ONCE


def test_more_streams_than_a_client_may_have_are_refused(view: BrowserView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_CLIENT", 3)
    with ExitStack() as stack:
        for _ in range(3):
            viewer = stack.enter_context(connect(view, STREAM))
            assert viewer.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        for _ in range(3):
            answer = exchange(view, get(b"/"))
            assert (answer.statuses, answer.text) == ([429], "there are too many connections; close some pages\n")


def test_the_oldest_half_request_gives_way(view: BrowserView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    with connect(view, HALF_HEAD) as oldest, connect(view, HALF_HEAD):
        time.sleep(0.2)
        assert exchange(view, get(b"/")).statuses == [200]
        assert read_all(oldest).statuses == [429]


def progressive(side: int) -> bytes:
    image = cv2.resize(noise(256, 256), (side, side), interpolation=cv2.INTER_CUBIC)
    flags = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    return cv2.imencode(".jpg", image, flags)[1].tobytes()


def test_many_pictures_at_once_leave_the_stream_alone(
    view: BrowserView, camera: BrowserSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, may_go_on, statuses = source_module._decoded, threading.Event(), list[int]()

    def slow(content: bytes) -> Image:
        may_go_on.wait(20)
        return decode(content)

    monkeypatch.setattr(source_module, "_decoded", slow)
    jpeg = cv2.imencode(".jpg", scene())[1].tobytes()
    senders = [
        threading.Thread(target=lambda: statuses.extend(exchange(view, post(b"/camera", jpeg, JPEG)).statuses))
        for _ in range(8)
    ]
    for sender in senders:
        sender.start()
    try:
        ended_s = time.monotonic() + 5
        while len(statuses) < 6 and time.monotonic() < ended_s:
            time.sleep(0.02)
        assert statuses == [429] * 6, "one is decoded, one waits"
        view.show(scene(), STATS)
        with connect(view, STREAM, timeout_s=2) as viewer:
            read_until(viewer, b"\xff\xd8")
    finally:
        may_go_on.set()
    for sender in senders:
        sender.join()
    assert sorted(statuses) == [204] * 2 + [429] * 6
    assert exchange(view, post(b"/camera", jpeg, JPEG)).statuses == [204], "the places are free again"


def test_a_picture_that_takes_long_to_decode_is_refused(view: BrowserView) -> None:
    answer = exchange(view, post(b"/camera", progressive(2600), JPEG))
    assert answer.statuses == [400]
    assert answer.text.startswith("the picture has 2600 x 2600 px in 10 scans, which take too long")
    assert exchange(view, post(b"/camera", progressive(640), JPEG)).statuses == [204]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="silent"),
        pytest.param(HALF_HEAD, id="half a head"),
        pytest.param(HALF_BODY, id="half a body"),
        pytest.param(post(b"/camera", b"\xff\xd8\xff", JPEG, length=b"999999"), id="half a picture"),
        pytest.param(STREAM, id="a stream that nobody reads"),
        pytest.param(post(b"/camera", b"\xff\xd8\xff", JPEG), id="a picture that is being decoded"),
    ],
)
def test_the_end_waits_for_nobody(
    camera: BrowserSource, sent: bytes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    may_end = threading.Event()
    monkeypatch.setattr(source_module, "_decoded", lambda _: may_end.wait(20) and scene())
    view = BrowserView(port=0, token=False, say=lambda _: None, controls=FakeControls(), camera=camera)
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(view, sent))
        for _ in range(10):
            view.show(noise(720, 1280), STATS)
            time.sleep(0.03)
        started_s = time.monotonic()
        view.close()
        took_s = time.monotonic() - started_s
        may_end.set()
    assert took_s < 2
    assert capfd.readouterr().err == ""
