"""A page for a web browser on this computer: the picture as an MJPEG stream and a line of figures as JSON.

Only the standard library's server: one thread a viewer, so that a slow viewer keeps nobody waiting, and the tracking
thread only ever replaces the newest picture.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files

import cv2

from sdfl.core import Image
from sdfl.errors import SdflError
from sdfl.runtime.newest import Newest
from sdfl.runtime.notice import Say, to_stderr
from sdfl.runtime.views.base import Stats

HOST = "127.0.0.1"
PORT = 8000
LOCAL_NAMES = ("127.0.0.1", "localhost")
JPEG_QUALITY = 85
STALLED_S = 10.0  # a viewer that takes nothing for so long is dropped
BOUNDARY = "frame"
Shown = tuple[Image, Stats]


class BrowserView:
    """A `View`. Serves on 127.0.0.1 alone. port: None tries 8000, then any free one; 0 takes any free one."""

    watched = True

    def __init__(self, *, say: Say = to_stderr, port: int | None = None) -> None:
        self._slot: Newest[Shown] = Newest()
        self._server = _listen(self._slot, port)
        self.address = f"http://{HOST}:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="browser view")
        self._thread.start()
        say(f"open {self.address} in a browser; Ctrl-C here ends it")

    def show(self, image: Image, stats: Stats) -> bool:
        """Replace the picture that viewers get next. Never waits for them."""
        self._slot.put((image, stats))
        return True

    def close(self) -> None:
        """End all streams and free the port."""
        self._slot.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a viewer that hangs must not keep the program from ending
    allow_reuse_address = True

    def __init__(self, port: int, slot: Newest[Shown]) -> None:
        super().__init__((HOST, port), _Handler)
        self.slot = slot

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that goes away in the middle of a picture is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = STALLED_S

    def do_GET(self) -> None:
        """Answer one of the three addresses of `ROUTES`."""
        answer = ROUTES.get(self.path.partition("?")[0])
        if not self._is_local():
            self.send_error(HTTPStatus.FORBIDDEN, "only for this computer")
        elif answer is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            answer(self)

    def _is_local(self) -> bool:
        """A foreign page that lets its own name point here (DNS rebinding) must not see the camera."""
        return self.headers.get("Host", "").rpartition(":")[0] in LOCAL_NAMES

    def send_page(self) -> None:
        """The page, which refers to nothing outside this server."""
        self._send("text/html; charset=utf-8", files("sdfl.runtime.views").joinpath("page.html").read_bytes())

    def send_stats(self) -> None:
        """The figures of the newest frame, {} before the first and after the last."""
        try:
            _, (_, stats) = self.server.slot.get(0, 0.0)
            content = asdict(stats)
        except (TimeoutError, EOFError):
            content = {}
        self._send("application/json", json.dumps(content).encode())

    def send_stream(self) -> None:
        """JPEG pictures, each as soon as it is there, until tracking ends."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(f"--{BOUNDARY}\r\n".encode())
        number = 0
        while True:
            try:
                number, (image, _) = self.server.slot.get(number, STALLED_S)
            except TimeoutError:
                continue
            except EOFError:
                return
            jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            # The boundary comes with the picture, not before the next one: browsers wait for it before they draw.
            self.wfile.write(head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode())

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""


ROUTES = {"/": _Handler.send_page, "/stats.json": _Handler.send_stats, "/stream.mjpg": _Handler.send_stream}


def _listen(slot: Newest[Shown], port: int | None) -> _Server:
    for candidate in (PORT, 0) if port is None else (port,):
        try:
            return _Server(candidate, slot)
        except OSError as error:
            refused = error
    raise SdflError(f"port {port} of {HOST} cannot be used ({refused.strerror}); choose another") from refused
