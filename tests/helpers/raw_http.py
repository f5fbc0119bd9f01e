"""Requests as bytes, for what no HTTP library would send."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sdfl.runtime.live.settings import Settings
from sdfl.runtime.views.base import FrameExtras
from sdfl.runtime.views.browser.view import BrowserView


class FakeControls:
    """Settings that nothing follows."""

    def __init__(self) -> None:
        self.settings = Settings("small", "int8")

    def state(self) -> dict[str, Any]:
        """The model alone."""
        return {"model": self.settings.model}

    def change(self, changes: object) -> None:
        """Check the changes and take them over."""
        self.settings = self.settings.changed(changes)

    def extras(self, index: int) -> FrameExtras:
        """Nothing."""
        return FrameExtras([], None)


@dataclass(frozen=True)
class Answer:
    """What came back until the server closed the connection or said nothing more.

    Attributes:
        statuses: of all answers.
        content: all bytes.
        closed: whether the server has closed the connection.
    """

    statuses: list[int]
    content: bytes
    closed: bool

    @property
    def text(self) -> str:
        """The body of the last answer."""
        return self.content.rpartition(b"\r\n\r\n")[2].decode()


def port_of(view: BrowserView) -> int:
    """The port that a view listens on."""
    return urlsplit(view.address).port or 0


def connect(view: BrowserView, content: bytes = b"", *, timeout_s: float = 10) -> socket.socket:
    """A connection over which `content` has been sent."""
    opened = socket.create_connection(("127.0.0.1", port_of(view)), timeout=timeout_s)
    opened.sendall(content)
    return opened


def exchange(view: BrowserView, content: bytes, *, timeout_s: float = 10) -> Answer:
    """Send `content` over a connection of its own and read until the server closes it or is silent for `timeout_s`."""
    with connect(view, content, timeout_s=timeout_s) as opened:
        return read_all(opened)


def read_all(opened: socket.socket) -> Answer:
    """Read until the server closes the connection or is silent."""
    got, closed = bytearray(), False
    try:
        while part := opened.recv(1 << 16):
            got += part
        closed = True
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    return Answer([int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)], bytes(got), closed)


def read_until(opened: socket.socket, marker: bytes) -> bytes:
    """Read until `marker` has come."""
    got = b""
    while marker not in got:
        part = opened.recv(1 << 16)
        if not part:
            raise AssertionError(f"closed before {marker!r} came: {got!r}")
        got += part
    return got


def get(path: bytes, *headers: bytes, method: bytes = b"GET", host: bytes = b"127.0.0.1") -> bytes:
    """A request without a body, after whose answer the connection ends."""
    return _joined(method + b" " + path + b" HTTP/1.1", b"Host: " + host, b"Connection: close", *headers)


def post(path: bytes, body: bytes, *headers: bytes, length: bytes | None = None) -> bytes:
    """A request with a body, after whose answer the connection ends; `length` may lie about the body."""
    said = b"Content-Length: " + (b"%d" % len(body) if length is None else length)
    return _joined(b"POST " + path + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close", said, *headers) + body


def _joined(*lines: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n"
