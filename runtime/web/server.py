"""Serving the page that tracks faces in the browser itself: files that never change, and nothing that is secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from sdfl.errors import MissingDependency
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.views.browser.serving import HOST, Server, configure, listen, shown
from sdfl.runtime.web.certificate import fingerprint, local_address, make_certificate
from sdfl.runtime.web.site import SUFFIXES, SiteFile, site_files

try:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    from sdfl.runtime.views.browser.access import is_loopback
except ModuleNotFoundError as error:
    if error.name != "starlette":
        raise
    raise MissingDependency("the server of sdfl web", extra="demo") from error

PART_BYTES = 65_536  # a slow phone has to take each part within `connections.STALLED_S`
EVERYWHERE = "0.0.0.0"
HEADERS = {  # of every answer; the page itself holds its Content-Security-Policy, so that static hosts have it too
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self)",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve(*, host: str | None = None, port: int | None = None, https: bool = False, say: Say = to_stderr) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: address to listen on. None for this computer only, or with `https` for every address of it.
        port: port to listen on. None tries 8000, then any free one; 0 takes any free one.
        https: whether with a certificate of its own, which phones need for the camera.
        say: is told the address to open.

    Raises:
        SdflError: the library is not built, the address cannot be used, or there is no program to make a certificate.
        MissingDependency: the server is not installed.
    """
    app = make_app(site_files())
    host = host or (EVERYWHERE if https else HOST)
    address = local_address() if host in (EVERYWHERE, "::") else shown(host)
    options: dict[str, Any] = {}
    if https:
        certificate = make_certificate([address])
        options["ssl_certfile"] = certificate
    listener = listen(host, port)
    place = f"{address}:{listener.getsockname()[1]}/"
    for line in _notices(place, host, certificate if https else None):
        say(line)
    with listener, suppress(KeyboardInterrupt):  # the usual way to end
        asyncio.run(Server(configure(app, HEADERS, **options)).serve(sockets=[listener]))


def _notices(place: str, host: str, certificate: Path | None) -> Iterator[str]:
    """What to say about the address. certificate: None without https."""
    if certificate is not None:
        yield f"open https://{place} in a browser, also of a phone in the same network; Ctrl-C here ends it"
        yield (
            "the browser warns of an unknown certificate, since this computer made it; its SHA-256 fingerprint is "
            f"{fingerprint(certificate)}"
        )
        return
    yield f"open http://{place} in a browser; Ctrl-C here ends it"
    if not is_loopback(host):
        yield "browsers of other devices allow the camera over https alone; add --https"


def make_app(files: dict[str, SiteFile]) -> Starlette:
    """The application.

    Args:
        files: path -> file. Whatever a request asks for, no path is built from it.
    """

    def answer(request: Request) -> Response:
        file = files.get(request.path_params["name"] or "index.html")
        if file is None:
            return PlainTextResponse("there is no such file", HTTPStatus.NOT_FOUND)
        headers = {"ETag": f'"{file.tag}"', "Vary": "Accept-Encoding"}
        if f'"{file.tag}"' in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        content, encoding = _best_form(file, request.headers.get("accept-encoding", ""))
        if encoding:
            headers["Content-Encoding"] = encoding
        headers["Content-Length"] = str(len(content))
        return StreamingResponse(_parts(content), headers=headers, media_type=file.media_type)

    return Starlette(routes=[Route("/{name:path}", answer, methods=["GET"])])


def _best_form(file: SiteFile, accepted: str) -> tuple[bytes, str]:
    """The smallest form of a file that a browser accepts, and its encoding; "" for none."""
    wanted = [word.strip().partition(";") for word in accepted.split(",")]
    names = {name.strip() for name, _, weight in wanted if weight.replace(" ", "") not in ("q=0", "q=0.0")}
    forms = [(content, name) for name in SUFFIXES if name in names and (content := file.encoded(name)) is not None]
    return min(forms, key=lambda form: len(form[0])) if forms else (file.plain, "")


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PART_BYTES):
        yield content[start : start + PART_BYTES]
