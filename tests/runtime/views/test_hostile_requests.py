"""What no browser sends: each kind of malformed request is refused with its status, and the server goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from raw_http import FakeControls, exchange, get, post

from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.browser.view import BrowserView

JSON = b"Content-Type: application/json"
KEEP_ALIVE = b"GET /stats.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
UPGRADE = (
    b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)  # fmt: skip
FRAME = b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" + b"\xaa" * 1000  # a web socket's, said to have 2^64 - 1 bytes


@pytest.fixture(scope="module")
def view() -> Iterator[BrowserView]:
    with BrowserSource() as camera:
        opened = BrowserView(port=0, token=False, say=lambda _: None, controls=FakeControls(), camera=camera)
        yield opened
        opened.close()


def chunked(body: bytes) -> bytes:
    return post(b"/settings", b"", JSON, CHUNKED).replace(b"Content-Length: 0\r\n", b"") + body


def settings(body: bytes) -> bytes:
    return post(b"/settings", body, JSON)


@pytest.mark.parametrize(
    ("request_bytes", "status", "says"),
    [
        pytest.param(get(b"/", b"X: " + b"a" * 200_000), 431, "headers", id="huge header"),
        pytest.param(b"GET /" + b"a" * 200_000, 431, "headers", id="huge address"),
        pytest.param(b"GET /\r\n\r\n", 400, "Invalid", id="HTTP 0.9"),
        pytest.param(bytes(1000), 400, "Invalid", id="NUL bytes"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01" + bytes(500), 400, "Invalid", id="TLS"),
        pytest.param(b"\r\n" * 1000, 400, "Invalid", id="blank lines"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "Invalid", id="HTTP 2"),
        pytest.param(get(b"/", b"no colon"), 400, "Invalid", id="header without a colon"),
        pytest.param(get(b"/", b"X: a\0b"), 400, "Invalid", id="NUL in a header"),
        pytest.param(get(b"/", b"Host: b"), 400, "Invalid", id="two Host headers"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "Invalid", id="no Host header"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", 403, "not known", id="no Host header in HTTP 1.0"),
        pytest.param(get(b"/", host=b"["), 400, "Host", id="Host: half an address"),
        pytest.param(get(b"/", host=b"[::1"), 400, "Host", id="Host: without its bracket"),
        pytest.param(get(b"/", host=b"127.0.0.1:99999"), 400, "Host", id="Host: port too large"),
        pytest.param(get(b"/", host=b"127.0.0.1:x"), 400, "Host", id="Host: port no number"),
        pytest.param(get(b"/", host=b"me@127.0.0.1"), 400, "Host", id="Host: with a user"),
        pytest.param(get(b"/", b"Origin: http://["), 403, "another page", id="Origin: half an address"),
        pytest.param(get(b"/", b"Origin: null"), 403, "another page", id="Origin: null"),
        pytest.param(get(b"/", b"Origin: http://\xff"), 403, "another page", id="Origin: not ASCII"),
        pytest.param(get(b"/\xff\xfe"), 400, "Invalid", id="path not ASCII"),
        pytest.param(get(b"/%ff%fe"), 404, "", id="path not UTF-8"),
        pytest.param(get(b"/%00"), 404, "", id="NUL in the path"),
        pytest.param(get(b"/static/%00"), 404, "", id="NUL in the name of a file"),
        pytest.param(get(b"/static/%ed%a0%80"), 404, "", id="lone surrogate in the name of a file"),
        pytest.param(get(b"/static/" + b"a" * 5000), 404, "", id="long name of a file"),
        pytest.param(get(b"/static/"), 404, "", id="folder"),
        pytest.param(get(b"/static/../app.py"), 404, "", id="file above"),
        pytest.param(get(b"/static/%2e%2e/app.py"), 404, "", id="escaped file above"),
        pytest.param(get(b"/static/..%5capp.py"), 404, "", id="file above, Windows"),
        pytest.param(get(b"/static//etc/passwd"), 404, "", id="absolute path"),
        pytest.param(get(b"//evil.example/"), 404, "", id="another host as path"),
        pytest.param(get(b"/settings/"), 404, "", id="slash at the end"),
        pytest.param(get(b"http://evil.example/"), 404, "", id="proxy request"),
        pytest.param(get(b"evil.example:443", method=b"CONNECT"), 404, "", id="CONNECT"),
        pytest.param(get(b"*", method=b"OPTIONS"), 404, "", id="OPTIONS"),
        pytest.param(get(b"/", method=b"TRACE"), 405, "", id="TRACE"),
        pytest.param(get(b"/", method=b"BREW"), 405, "", id="unknown method"),
        pytest.param(get(b"/", method=b"get"), 405, "", id="method in small letters"),
        pytest.param(get(b"/stream.mjpg", method=b"DELETE"), 405, "", id="DELETE of the stream"),
        pytest.param(get(b"/static/page.js", method=b"PUT"), 405, "", id="PUT of a file"),
        pytest.param(get(b"/stats.json?after=--5"), 400, "after", id="two signs"),
        pytest.param(get(b"/stats.json?after=" + b"1" * 5000), 400, "after", id="number of 5000 digits"),
        pytest.param(get(b"/stats.json?after=%C2%B2"), 400, "after", id="superscript digit"),
        pytest.param(get(b"/stats.json?after=%D9%A1"), 400, "after", id="Arabic digit"),
        pytest.param(get(b"/stats.json?after=1e999"), 400, "after", id="infinite number"),
        pytest.param(get(b"/stats.json?after=%00"), 400, "after", id="NUL as number"),
        pytest.param(get(b"/stats.json?after="), 400, "after", id="no number"),
        pytest.param(post(b"/settings", b"{}", JSON, length=b"abc"), 400, "Invalid", id="length no number"),
        pytest.param(post(b"/settings", b"{}", JSON, length=b"-1"), 400, "Invalid", id="negative length"),
        pytest.param(post(b"/settings", b"{}", JSON, length=b"1" * 30), 400, "Invalid", id="length of 30 digits"),
        pytest.param(post(b"/settings", b"", JSON, length=b"1" * 13), 413, "4096 bytes", id="length of terabytes"),
        pytest.param(post(b"/settings", b"{}", JSON, b"Content-Length: 3"), 400, "Invalid", id="two lengths"),
        pytest.param(chunked(b"zz\r\n{}\r\n0\r\n\r\n"), 400, "Invalid", id="length of a chunk no number"),
        pytest.param(chunked(b"-2\r\n{}\r\n0\r\n\r\n"), 400, "Invalid", id="negative length of a chunk"),
        pytest.param(chunked(b"ffff\r\n" + bytes(0xFFFF) + b"\r\n0\r\n\r\n"), 413, "4096 bytes", id="large chunk"),
        pytest.param(
            get(b"/stats.json", b"Transfer-Encoding: gzip", method=b"HEAD"), 400, "Invalid", id="unknown encoding"
        ),
        pytest.param(settings(b"1"), 400, "JSON object", id="JSON: number"),
        pytest.param(settings(b"null"), 400, "JSON object", id="JSON: null"),
        pytest.param(settings(b"NaN"), 400, "JSON object", id="JSON: NaN"),
        pytest.param(settings(b""), 400, "JSON object", id="JSON: nothing"),
        pytest.param(settings(b"\0"), 400, "JSON object", id="JSON: NUL"),
        pytest.param(settings(b"{}{}"), 400, "JSON object", id="JSON: two objects"),
        pytest.param(settings(b'{"a": "\xff"}'), 400, "JSON object", id="JSON: not UTF-8"),
        pytest.param(settings(b'{"\\ud800": 1}'), 400, "\ufffd: no such setting", id="JSON: lone surrogate"),
        pytest.param(settings(b'{"a\\r\\nb": 1}'), 400, "a\ufffd\ufffdb: no such", id="JSON: two lines"),
        pytest.param(settings(b'{"model": ["small"]}'), 400, "model must be text", id="JSON: list for a text"),
        pytest.param(settings(b'{"edges": [1]}'), 400, "true or false", id="JSON: list for a truth value"),
        pytest.param(settings(b'{"occluder": "abcd"}'), 400, "from 0 to 1", id="JSON: text for a list"),
        pytest.param(
            post(b"/settings", b"", JSON, b"Expect: 100-continue", length=b"9999"), 413, "4096", id="asks first"
        ),
        pytest.param(post(b"/settings", b"{}", b"Content-Type: \xff"), 415, "json", id="type not ASCII"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_refused(
    view: BrowserView, request_bytes: bytes, status: int, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "asyncio"):
        answer = exchange(view, request_bytes)
    assert answer.statuses[-1] == status, answer
    assert all(400 <= code < 500 for code in answer.statuses)
    assert answer.closed
    assert b"text/plain" in answer.content
    assert says in answer.text
    assert len(answer.text) < 400
    assert caplog.records == []
    assert exchange(view, get(b"/stats.json")).statuses == [200], "the server goes on"


@pytest.mark.parametrize(
    ("request_bytes", "statuses"),
    [
        pytest.param(KEEP_ALIVE * 2 + get(b"/"), [200] * 3, id="pipeline"),
        pytest.param(get(b"/stats.json", *UPGRADE) + FRAME, [200], id="web socket"),
        pytest.param(get(b"/stats.json", b"Content-Length: 5") + b"hello", [200], id="GET with a body"),
        pytest.param(post(b"/settings", b"{}", JSON, b"Expect: 100-continue"), [100, 200], id="Expect: 100-continue"),
        pytest.param(get(b"/?;;&&==%%%"), [200], id="query of signs"),
        pytest.param(get(b"/static/page.js", b"Range: bytes=5-1"), [200], id="range"),
        pytest.param(get(b"/static/page.js", b"If-Modified-Since: \xff 99999999999"), [200], id="date"),
        pytest.param(get(b"/", method=b"HEAD"), [200], id="HEAD"),
        pytest.param(get(b"/", b"Cookie: \xff\xfe=;;;=\"; a"), [200], id="cookie"),
    ],
)  # fmt: skip
def test_what_is_odd_is_answered(view: BrowserView, request_bytes: bytes, statuses: list[int]) -> None:
    answer = exchange(view, request_bytes)
    assert answer.statuses[: len(statuses)] == statuses, answer
    assert all(code < 500 for code in answer.statuses)


def test_a_bad_chunk_ends_a_stream_without_an_error(view: BrowserView, caplog: pytest.LogCaptureFixture) -> None:
    request_bytes = get(b"/stream.mjpg", CHUNKED) + b"5\r\n"
    with caplog.at_level(logging.WARNING, "asyncio"):
        answer = exchange(view, request_bytes + b"hello\r\nzz\r\n")
    assert answer.closed
    assert answer.statuses in ([200], [400], [])
    assert caplog.records == []


def test_every_answer_hides_the_address_from_other_sites(view: BrowserView) -> None:
    for path in (b"/", b"/static/page.js", b"/stats.json", b"/nothing"):
        head = exchange(view, get(path)).content.lower()
        assert b"referrer-policy: no-referrer" in head
        assert b"cache-control: no-store" in head
        assert b"server:" not in head
