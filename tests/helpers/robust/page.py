"""Requests of every kind, damaged, against the page: none may end in a 5xx, a traceback or a server that waits."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from mutations import VALUES, draw_bytes, draw_json
from raw_http import Answer, FakeControls, connect, exchange, get, post, read_all

from robust.rows import CLEAN, HANG, REFUSED, TRACEBACK, UNCLEAR, WRONG, Row
from robust.trials import run_trials

DEADLINE_S = 0.3  # of requests, instead of up to 20 s
BACK_S = 5.0  # in which connections and threads have to be gone
GROWTH_KB = 64 << 10  # of memory, after WARM cases
WARM = 20
JSON, JPEG = b"Content-Type: application/json", b"Content-Type: image/jpeg"
UPGRADE = (
    b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)  # fmt: skip
SETTINGS = b'{"model": "small", "precision": "int8", "edges": false, "occluder": [0.1, 0.2, 0.3, 0.4]}'
HEADERS = (
    b"Host: evil.example", b"Origin: null", b"Content-Length: 5", b"Content-Length: -1", b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip", b"Expect: 100-continue", b"Cookie: \xff\xfe=;;=\"", b"Range: bytes=5-1", b"X: a\0b",
    b"Connection: keep-alive", b"no colon", b"X: " + b"a" * 70_000, *UPGRADE,
)  # fmt: skip
PATHS = (
    b"/", b"/stats.json", b"/stats.json?after=-1", b"/stats.json?after=" + b"9" * 4000, b"/static/page.js",
    b"/static/%00", b"/static/../view.py", b"/%ff", b"/nothing", b"/settings", b"/camera", b"//evil.example/", b"http://evil.example/",
    b"*", b"/?token=%c3%28", b"/?token=" + b"a" * 3000,
)  # fmt: skip
METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW", b"get")
Attempt = Callable[[Random], tuple[str, str]]


def draw_request(random: Random, jpeg: bytes) -> bytes:
    """One or two requests, most of them damaged."""
    kinds = (_any_path, _any_path, _settings, _picture, _web_socket)
    content = b"".join(random.choice(kinds)(random, jpeg) for _ in range(random.choice((1, 1, 1, 2))))
    return draw_bytes(content, random) if random.random() < 0.6 else content


def _any_path(random: Random, _: bytes) -> bytes:
    return get(random.choice(PATHS), *random.sample(HEADERS, random.randrange(3)), method=random.choice(METHODS))


def _settings(random: Random, _: bytes) -> bytes:
    body = draw_json(SETTINGS, random) if random.randrange(4) else str(random.choice(VALUES)).encode()
    length = random.choice((None, None, b"0", b"99", b"1" * 13, b"x"))
    return post(b"/settings", body[:20_000], JSON, *random.sample(HEADERS, random.randrange(2)), length=length)


def _picture(random: Random, jpeg: bytes) -> bytes:
    return post(b"/camera", draw_bytes(jpeg, random) if random.randrange(4) else jpeg, JPEG)


def _web_socket(random: Random, _: bytes) -> bytes:
    return get(random.choice(PATHS), *UPGRADE) + bytes((0x81, random.randrange(256))) + random.randbytes(200)


class PageTrial:
    """The page's server, with and without a token."""

    def prepare(self, _: Path) -> Attempt:
        """Start both servers, with short deadlines."""
        import cv2
        import numpy as np

        from sdfl.runtime.sources.browser import BrowserSource
        from sdfl.runtime.views.browser import connections
        from sdfl.runtime.views.browser.view import BrowserView

        for name in ("HEAD_S", "BODY_S", "REST_S", "STALLED_S"):
            setattr(connections, name, DEADLINE_S)
        said = _said()
        camera = BrowserSource()
        views = [
            BrowserView(port=0, token=token, say=lambda _: None, controls=FakeControls(), camera=camera)
            for token in (False, True)
        ]
        jpeg = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
        before = (0, 0)
        memory_kb: list[int] = []

        def attempt(random: Random) -> tuple[str, str]:
            nonlocal before
            view = random.choice(views)
            content = draw_request(random, jpeg)
            if not memory_kb:
                for each in views:  # starts the threads that decode pictures and stay
                    exchange(each, post(b"/camera?" + _token(each), jpeg, JPEG), timeout_s=5)
                before = _threads_and_descriptors()
            problem = outcome_of(*_sent(view, content, random))
            if problem[0] in (CLEAN, REFUSED):
                problem = _afterwards(views, before, memory_kb, said) or problem
            return problem[0], f"{problem[1]} {content[:150]!r}" if problem[1] else ""

        return attempt


def outcome_of(answer: Answer | None, is_waited_for: bool) -> tuple[str, str]:
    """What an answer is worth.

    Args:
        answer: None where the client has left without reading.
        is_waited_for: whether the client has waited until the server closed the connection.
    """
    if answer is None:
        return CLEAN, ""
    if any(status >= 500 for status in answer.statuses):
        return TRACEBACK, f"answered {answer.statuses}"
    if is_waited_for and not answer.closed and 200 not in answer.statuses:
        return HANG, "neither an answer nor an end"
    refused = [status for status in answer.statuses if status >= 400]
    if refused and b"text/plain" not in answer.content and b"\r\n\r\n" not in answer.content:
        return UNCLEAR, f"refused without a reason: {answer.content[-200:]!r}"
    return (REFUSED if refused else CLEAN), ""


def _sent(view: Any, content: bytes, random: Random) -> tuple[Answer | None, bool]:
    """Send it at once or in pieces, and read the answer, or leave."""
    kind = random.randrange(5)
    with contextlib.suppress(ConnectionError), connect(view, timeout_s=4 * DEADLINE_S) as opened:
        middle = random.randrange(len(content) + 1) if kind >= 2 else len(content)
        opened.sendall(content[:middle])
        if kind == 4:
            return None, False
        if kind >= 2:
            time.sleep(0.002)
            opened.sendall(content[middle:])
        if kind == 3:
            with contextlib.suppress(OSError):  # the server has closed it already
                opened.shutdown(socket.SHUT_WR)
        return read_all(opened), True
    return None, False  # the server has refused before everything was sent, and the answer is lost, as TCP has it


def _good_client(views: list[Any]) -> bool:
    """Whether both servers answer those who may ask."""
    return all(exchange(view, get(b"/stats.json?" + _token(view)), timeout_s=2).statuses == [200] for view in views)


def _token(view: Any) -> bytes:
    query: str = view.address.partition("?")[2]
    return query.encode()


def _afterwards(
    views: list[Any], before: tuple[int, int], memory_kb: list[int], said: Callable[[], str]
) -> tuple[str, str] | None:
    """What is wrong with the servers after a request; None where nothing is."""
    if not _good_client(views):
        return HANG, "a good client gets no answer afterwards"
    end_s = time.monotonic() + BACK_S
    while any(now > then for now, then in zip(_threads_and_descriptors(), before, strict=True)):
        if time.monotonic() > end_s:
            return WRONG, f"threads and descriptors grew from {before} to {_threads_and_descriptors()}"
        time.sleep(0.01)
    memory_kb.append(resident_kb())
    if len(memory_kb) > WARM and memory_kb[-1] - memory_kb[WARM - 1] > GROWTH_KB:
        return WRONG, f"memory grew from {memory_kb[WARM - 1]} kB to {memory_kb[-1]} kB"
    text = said()
    return (TRACEBACK, text) if text else None


def _threads_and_descriptors() -> tuple[int, int]:
    opened = Path("/proc/self/fd").iterdir() if sys.platform == "linux" else ()
    return threading.active_count(), sum(1 for _ in opened)


def resident_kb() -> int:
    """Memory of this process, kB; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


def _said() -> Callable[[], str]:
    """Collect what libraries log and threads print; returns what was collected since the last call."""
    collected = io.StringIO()
    logging.getLogger().addHandler(logging.StreamHandler(collected))
    logging.getLogger().setLevel(logging.WARNING)
    threading.excepthook = lambda arguments: print(arguments.exc_type, arguments.exc_value, file=collected)

    def said() -> str:
        text = collected.getvalue()
        collected.seek(0)
        collected.truncate()
        return text.strip()[-400:]

    return said


TRIALS = {"page": PageTrial()}


def rows(cases: int, seed: int, only: str = "") -> Iterator[Row]:
    """One row."""
    yield from run_trials("robust.page", [name for name in TRIALS if name.startswith(only)], cases, seed)
