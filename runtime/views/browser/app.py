"""The page's server as a Starlette application: the page, the stream, figures, settings, pictures of its camera."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from sdfl.errors import SdflError
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.runtime.views.base import Controls
from sdfl.runtime.views.browser.access import Access, Guard
from sdfl.runtime.views.browser.feed import Feed

HERE = Path(__file__).parent
STALLED_S = 10.0  # a viewer that receives nothing for this time is dropped
BOUNDARY = "frame"
MAX_SETTINGS_BYTES = 4096
MAX_PICTURE_BYTES = 4 << 20
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class TooLarge(SdflError):
    """The body of a request is too large."""


def make_app(feed: Feed, access: Access, controls: Controls | None, camera: BrowserSource | None) -> Starlette:
    """The application.

    Args:
        feed: gives pictures and figures.
        access: who may use the page.
        controls: what the page may change, None for nothing.
        camera: takes the pictures of the page's camera, None where frames come from elsewhere.
    """

    async def page(_: Request) -> Response:
        text = (HERE / "page.html").read_text(encoding="utf-8")
        return Response(text, media_type="text/html", headers=HEADERS)

    async def figures(request: Request) -> Response:
        after = request.query_params.get("after", "-1")
        number = int(after) if after.lstrip("-").isdecimal() else -1
        table: dict[str, Any] = feed.figures(number) | {"camera": camera is not None}
        return JSONResponse(table | {"state": controls.state() if controls else None}, headers=HEADERS)

    async def settings(request: Request) -> Response:
        if controls is None:
            return PlainTextResponse("nothing can be changed here", HTTPStatus.CONFLICT)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return PlainTextResponse("settings must be sent as application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        try:
            controls.change(json.loads(await _body(request, MAX_SETTINGS_BYTES)))
        except (ValueError, RecursionError):
            return PlainTextResponse("settings must be a JSON object", HTTPStatus.BAD_REQUEST)
        return JSONResponse(controls.state(), headers=HEADERS)

    async def picture(request: Request) -> Response:
        if camera is None:
            return PlainTextResponse("this camera is not the source; start with --source browser", HTTPStatus.CONFLICT)
        if request.headers.get("content-type") != "image/jpeg":
            return PlainTextResponse("pictures must be sent as image/jpeg", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        jpeg = await _body(request, MAX_PICTURE_BYTES)
        await asyncio.to_thread(camera.put, jpeg)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/stats.json", figures),
            Route("/stream.mjpg", _Stream(feed), methods=["GET"]),
            Route("/settings", settings, methods=["POST"]),
            Route("/camera", picture, methods=["POST"]),
            Mount("/static", _Fresh(directory=HERE / "static")),
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers={SdflError: _refused, TooLarge: _refused_as_too_large},
    )


class _Fresh(StaticFiles):
    """Static files that are asked for each time, so that a new page does not run an old script after an update."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _refused(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), HTTPStatus.BAD_REQUEST)


async def _refused_as_too_large(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, headers={"Connection": "close"})


async def _body(request: Request, limit: int) -> bytes:
    """The body of a request; raises TooLarge as soon as it has more than `limit` bytes."""

    async def read() -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise TooLarge(f"a request may have at most {limit} bytes")
        return b"".join(parts)

    return await asyncio.wait_for(read(), STALLED_S)


class _Stream:
    """ASGI application: JPEG pictures, each as soon as it is there, until tracking ends or the viewer leaves."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        sending, leaving = asyncio.create_task(self._send(send)), asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending  # raises what ended it
        finally:
            sending.cancel()
            leaving.cancel()

    async def _send(self, send: Send) -> None:
        kind = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        headers = HEADERS | {"Content-Type": kind}
        coded = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": coded})
        await send(_part(f"--{BOUNDARY}\r\n".encode()))
        number = 0
        while (shown := await self._feed.next(number)) is not None:
            number, jpeg = shown
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            # The boundary comes with the picture, not before the next one: browsers wait for it before they draw.
            part = _part(head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode())
            await asyncio.wait_for(send(part), STALLED_S)
        await send(_part(b"", more=False))


async def _left(receive: Receive) -> None:
    """Wait until the viewer has left; sending to it then fails silently."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}
