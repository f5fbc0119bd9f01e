"""The server behind the page: who may ask, what it takes from a page, and what it refuses."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from toy_face import scene

from sdfl.runtime.live.switchboard import Switchboard
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.base import FrameStats
from sdfl.runtime.views.browser.feed import Feed
from sdfl.runtime.views.browser.view import BrowserView

JPEG = {"Content-Type": "image/jpeg"}
JSON = {"Content-Type": "application/json"}
Ask = Callable[..., "tuple[int, str]"]


def jpeg(width: int = 320, height: int = 240) -> bytes:
    return cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def board() -> Iterator[Switchboard]:
    with Switchboard(threads=1) as opened:
        yield opened


@pytest.fixture
def camera() -> Iterator[BrowserSource]:
    with BrowserSource() as source:
        yield source


@pytest.fixture
def view(board: Switchboard, camera: BrowserSource) -> Iterator[BrowserView]:
    opened = BrowserView(port=0, token=False, say=lambda _: None, controls=board, camera=camera)
    yield opened
    opened.close()


def ask(
    view: BrowserView, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Status and text of one request."""
    answer = _response(view, method, path, body=body, headers=headers)
    return answer.status, answer.read().decode()


def _response(
    view: BrowserView, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", urlsplit(view.address).port or 0, timeout=10)
    connection.request(method, path, body=body, headers=headers or {})
    return connection.getresponse()


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "says"),
    [
        pytest.param("POST", "/camera", b"no picture at all", JPEG, 400, "is no JPEG", id="garbage"),
        pytest.param("POST", "/camera", b"\x89PNG\r\n\x1a\n" + bytes(99), JPEG, 400, "is no JPEG", id="a PNG"),
        pytest.param("POST", "/camera", b"", JPEG, 400, "is no JPEG", id="an empty picture"),
        pytest.param("POST", "/camera", b"\xff\xd8\xff" + bytes(999), JPEG, 400, "cannot be decoded", id="cut off"),
        pytest.param("POST", "/camera", jpeg(8, 5000), JPEG, 400, "8 x 5000 px", id="too many pixels"),
        pytest.param("POST", "/camera", bytes(5 << 20), JPEG, 413, "4194304 bytes", id="too many bytes"),
        pytest.param("POST", "/camera", jpeg(), {}, 415, "image/jpeg", id="not said to be a JPEG"),
        pytest.param("GET", "/camera", None, {}, 405, "", id="wrong method for the camera"),
        pytest.param("POST", "/", b"", {}, 405, "", id="wrong method for the page"),
        pytest.param("POST", "/stream.mjpg", b"", {}, 405, "", id="wrong method for the stream"),
        pytest.param("GET", "/static/../page.html", None, {}, 404, "", id="a file beside the static ones"),
        pytest.param("POST", "/settings", b"{", JSON, 400, "JSON object", id="broken JSON"),
        pytest.param("POST", "/settings", b"[" * 4000, JSON, 400, "JSON object", id="deep JSON"),
        pytest.param("POST", "/settings", b"[]", JSON, 400, "JSON object", id="no object"),
        pytest.param("POST", "/settings", bytes(9999), JSON, 413, "4096 bytes", id="too much JSON"),
        pytest.param("POST", "/settings", b"{}", {"Content-Type": "text/plain"}, 415, "json", id="a form's type"),
        pytest.param("POST", "/settings", b'{"model": "x"}', JSON, 400, "model must be one of", id="unknown model"),
        pytest.param("POST", "/settings", b'{"model": 1}', JSON, 400, "model must be text", id="model of wrong type"),
        pytest.param("POST", "/settings", b'{"precision": "int3"}', JSON, 400, "one of fp32", id="unknown precision"),
        pytest.param("POST", "/settings", b'{"colour": 1}', JSON, 400, "colour: no such setting", id="unknown key"),
        pytest.param("POST", "/settings", b'{"smoothing": 1}', JSON, 400, "true or false", id="no truth value"),
        pytest.param("POST", "/settings", b'{"occluder": [0, 0, 2, 1]}', JSON, 400, "from 0 to 1", id="outside"),
        pytest.param("POST", "/settings", b'{"occluder": [NaN, 0, 1, 1]}', JSON, 400, "from 0 to 1", id="not a number"),
        pytest.param("POST", "/settings", b"{}", JSON | {"Origin": "http://evil.example"}, 403, "page", id="foreign"),
        pytest.param("GET", "/", None, {"Host": "evil.example"}, 403, "not known", id="foreign name"),
        pytest.param("GET", "/", None, {"Host": "192.0.2.1:80"}, 403, "not known", id="foreign address"),
        pytest.param("GET", "/static/page.js", None, {"Host": ""}, 403, "not known", id="no name"),
    ],
)  # fmt: skip
def test_what_is_refused(
    view: BrowserView, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, says: str
) -> None:
    answer = ask(view, method, path, body=body, headers=headers)
    assert answer[0] == status, answer
    assert says in answer[1]
    assert ask(view, "GET", "/stats.json")[0] == 200, "the server goes on"


def test_the_newest_picture_of_the_browser_wins(view: BrowserView, camera: BrowserSource) -> None:
    for level in (10, 200):
        picture = cv2.imencode(".jpg", np.full((48, 64, 3), level, np.uint8))[1].tobytes()
        assert ask(view, "POST", "/camera", body=picture, headers=JPEG)[0] == 204
    frame = next(iter(camera))
    assert frame.image.shape == (48, 64, 3)
    assert abs(int(frame.image.mean()) - 200) < 3
    assert abs(frame.timestamp_s - time.perf_counter()) < 5


def test_without_the_browser_as_source_its_camera_is_not_taken(board: Switchboard) -> None:
    view = BrowserView(port=0, token=False, say=lambda _: None, controls=board)
    try:
        status, text = ask(view, "POST", "/camera", body=jpeg(), headers=JPEG)
    finally:
        view.close()
    assert (status, "--source browser" in text) == (409, True)


def test_settings_come_back_as_they_count(view: BrowserView, board: Switchboard) -> None:
    wanted = {"occluder": [0.5, 0.25, 0.25, 0.75]}
    status, text = ask(view, "POST", "/settings", body=json.dumps(wanted).encode(), headers=JSON)
    assert status == 200
    assert json.loads(text)["settings"]["occluder"] == [0.25, 0.25, 0.5, 0.75]
    assert json.loads(ask(view, "GET", "/stats.json")[1])["state"] == json.loads(text)
    board.change({"occluder": None})


def test_a_viewer_that_hangs_does_not_keep_the_view_open() -> None:
    view = BrowserView(port=0, token=False, say=lambda _: None)
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    stats = FrameStats("s", "m", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 30.0)
    with socket.create_connection(("127.0.0.1", urlsplit(view.address).port or 0)) as viewer:
        viewer.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for _ in range(40):
            view.show(noise, stats)
            time.sleep(0.02)
        started_s = time.monotonic()
        view.close()
    assert time.monotonic() - started_s < 2


def test_a_viewer_that_leaves_costs_nothing_more(view: BrowserView, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    latest = Feed._latest

    def counted(feed: Feed) -> tuple[int, bytes]:
        encoded.append(1)
        return latest(feed)

    monkeypatch.setattr(Feed, "_latest", counted)
    stats = FrameStats("s", "m", 0, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 30.0)

    def show(frames: int) -> int:
        before = len(encoded)
        for _ in range(frames):
            view.show(scene(), stats)
            time.sleep(0.02)
        return len(encoded) - before

    with socket.create_connection(("127.0.0.1", urlsplit(view.address).port or 0)) as viewer:
        viewer.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert show(20) > 5
    time.sleep(0.2)
    assert show(10) <= 1


def test_an_upload_that_stops_in_the_middle_leaves_others_alone(view: BrowserView, camera: BrowserSource) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(view.address).port or 0)) as sender:
        sender.sendall(
            b"POST /camera HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: 9000\r\n\r\nab"
        )
        assert ask(view, "POST", "/camera", body=jpeg(), headers=JPEG)[0] == 204
    assert next(iter(camera)).image.shape == (240, 320, 3)


def test_samples_are_given_once(view: BrowserView) -> None:
    for index in range(3):
        view.show(scene(), FrameStats("s", "m", index, 1, 2.0, 3.0, 3.0, 3.0, 3.0, 30.0))
    samples = json.loads(ask(view, "GET", "/stats.json")[1])["samples"]
    assert [sample[:3] for sample in samples] == [[1, 2.0, 3.0], [2, 2.0, 3.0], [3, 2.0, 3.0]]
    assert json.loads(ask(view, "GET", "/stats.json?after=2")[1])["samples"] == samples[2:]


def test_without_the_extra_one_sentence_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from sdfl.runtime.views import open_view\n"
        "try: open_view('browser')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("MissingDependency ")
    assert re.search(r"pip install '.*\[demo\]'", done.stdout)


def test_the_server_is_imported_only_when_the_view_opens(tmp_path: Path) -> None:
    script = "import sys, sdfl.runtime.live.pipeline, sdfl.cli; print({'uvicorn', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, id="an <img> elsewhere"),
        pytest.param({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403, id="of another port here"),
        pytest.param({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200, id="the page itself"),
        pytest.param({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200, id="a link elsewhere"),
    ],
)
def test_foreign_pages_embed_nothing(view: BrowserView, headers: dict[str, str], status: int) -> None:
    assert ask(view, "GET", "/stats.json", headers=headers)[0] == status


def test_a_picture_that_is_shown_again_grows_old(view: BrowserView) -> None:
    """So that the page notices that its camera has gone."""
    image, stats = scene(), FrameStats("s", "m", 0, 1, 2.0, 3.0, 3.0, 3.0, 3.0, 30.0)
    for _ in range(4):
        view.show(image, stats)
        time.sleep(0.1)
    table = json.loads(ask(view, "GET", "/stats.json")[1])
    assert table["age_s"] >= 0.3
    assert len(table["samples"]) == 1


def test_a_header_that_hides_another_is_refused(view: BrowserView, camera: BrowserSource) -> None:
    """A decoder skips fill bytes; whoever does not would find the small size that is planted behind them."""
    small = bytes.fromhex("ffc00011080010001003012200021101031101")
    large = bytes.fromhex("ffffc000110820002000")
    picture = b"\xff\xd8" + large + bytes(0xC000 - 8 + 4) + small + bytes(64)
    assert ask(view, "POST", "/camera", body=picture, headers=JPEG) == (
        400,
        "the JPEG cannot be decoded; it is cut off or damaged",
    )
