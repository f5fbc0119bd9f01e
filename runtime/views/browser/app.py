"""The page's server as a Starlette application: the page, the stream, figures, settings, pictures of its camera."""

from __future__ import annotations

import asyncio
import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sdfl.errors import SdflError
from sdfl.runtime.views.base import Controls
from sdfl.runtime.views.browser import STATIC
from sdfl.runtime.views.browser.access import Access, Guard
from sdfl.runtime.views.browser.feed import Feed
from sdfl.runtime.views.browser.uploads import TooLarge, TooMany, Uploads, body

HERE = Path(__file__).parent
BOUNDARY = "frame"
MAX_SETTINGS_BYTES = 4096
MAX_MESSAGE = 300  # characters
ICON = "icon.svg"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
NUMBER = re.compile(r"-?[0-9]{1,18}")
REFUSALS = {
    SdflError: HTTPStatus.BAD_REQUEST,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    ClientDisconnect: HTTPStatus.BAD_REQUEST,  # nobody gets it
}
HEADERS = {  # of every answer
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def make_app(feed: Feed, access: Access, controls: Controls | None, uploads: Uploads | None) -> Starlette:
    """The application.

    Args:
        feed: gives pictures and figures.
        access: who may use the page.
        controls: what the page may change, None for nothing.
        uploads: takes the pictures of the page's camera, None where frames come from elsewhere.
    """
    files = _static_files()

    async def page(_: Request) -> Response:
        return Response((HERE / "page.html").read_text(encoding="utf-8"), media_type="text/html")

    async def static(request: Request) -> Response:
        content, media_type = files.get(request.path_params.get("name", ICON), (None, None))
        if content is None:
            return PlainTextResponse("there is no such file", HTTPStatus.NOT_FOUND)
        return Response(content, media_type=media_type)

    async def figures(request: Request) -> Response:
        after = request.query_params.get("after", "-1")
        if NUMBER.fullmatch(after) is None:
            return PlainTextResponse("after must be the number of a frame", HTTPStatus.BAD_REQUEST)
        table: dict[str, Any] = feed.figures(int(after)) | {"camera": uploads is not None}
        return JSONResponse(table | {"state": controls.state() if controls else None})

    async def settings(request: Request) -> Response:
        if controls is None:
            return PlainTextResponse("nothing can be changed here", HTTPStatus.CONFLICT)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return PlainTextResponse("settings must be sent as application/json", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        content = await body(request, MAX_SETTINGS_BYTES)
        try:
            controls.change(json.loads(content))
        except (ValueError, RecursionError):
            return PlainTextResponse("settings must be a JSON object", HTTPStatus.BAD_REQUEST)
        return JSONResponse(controls.state())

    async def picture(request: Request) -> Response:
        if uploads is None:
            return PlainTextResponse("this camera is not the source; start with --source browser", HTTPStatus.CONFLICT)
        if request.headers.get("content-type") != "image/jpeg":
            return PlainTextResponse("pictures must be sent as image/jpeg", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        await uploads.take(request)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/stats.json", figures),
            Route("/stream.mjpg", _Stream(feed), methods=["GET"]),
            Route("/settings", settings, methods=["POST"]),
            Route("/camera", picture, methods=["POST"]),
            Route("/static/{name:path}", static),
            Route("/favicon.ico", static),  # browsers ask for it where they have not read the page's own link yet
        ],
        middleware=[Middleware(Guard, access=access)],
        exception_handlers=dict.fromkeys(REFUSALS, _refused),
    )
    app.router.redirect_slashes = False
    return app


def _static_files() -> dict[str, tuple[bytes, str]]:
    """Path below static/ -> content and media type. Whatever a request asks for, no path is built from it."""
    return {
        path.relative_to(STATIC).as_posix(): (path.read_bytes(), MEDIA_TYPES.get(path.suffix, "text/plain"))
        for path in STATIC.rglob("*")
        if path.is_file()
    }


async def _refused(_: Request, error: Exception) -> Response:
    status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in str(error))
    return PlainTextResponse(text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}...", status)


class _Stream:
    """ASGI application: JPEG pictures, each as soon as it is there, until tracking ends or the viewer leaves.

    A picture is sent when the one before has left; so a slow viewer gets fewer pictures, and holds one of them.
    """

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
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        await send(_part(f"--{BOUNDARY}\r\n".encode()))
        number = 0
        while (shown := await self._feed.next(number)) is not None:
            number, jpeg = shown
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            # The boundary comes with the picture, not before the next one: browsers wait for it before they draw.
            await send(_part(head.encode() + jpeg + f"\r\n--{BOUNDARY}\r\n".encode()))
        await send(_part(b"", more=False))


async def _left(receive: Receive) -> None:
    """Wait until the viewer has left; sending to it then fails silently."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _part(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}
