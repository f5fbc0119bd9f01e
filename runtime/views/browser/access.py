"""Who may use the page: whoever has the token in the address that was printed.

The other users of this computer reach a loopback address too, so it needs the token like every other one.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sdfl.runtime.views.browser.connections import GRANTED

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
COOKIE = "sdfl_token"


ENTER = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><title>SDFL</title></head>
</html>
"""


@dataclass(frozen=True)
class Access:
    """The rules for one address.

    Attributes:
        host: the address that is listened on.
        token: what a request needs; None where everybody who can connect may use the page.
        names_here: names of this computer, determined once, because that may take seconds; empty for a loopback
            address, which has none of them.
    """

    host: str
    token: str | None
    names_here: frozenset[str] = frozenset()

    @classmethod
    def to(cls, host: str, *, token: bool = True) -> Access:
        """The rules for an address, with a new random token unless none is wanted."""
        names_here = frozenset[str]() if is_loopback(host) else _own_names()
        return cls(host, secrets.token_urlsafe(16) if token else None, names_here)

    def names(self, name: str) -> bool:
        """Whether a request may have this Host name; a foreign name that points here (DNS rebinding) may not."""
        if name in LOCAL_NAMES or name == self.host:
            return True
        return bool(self.names_here) and (_is_address(name) or name.lower() in self.names_here)

    def grants(self, offered: str | None) -> bool:
        """Whether this is the token; compared in constant time."""
        return self.token is None or hmac.compare_digest((offered or "").encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches the address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """ASGI middleware: refuses foreign Host names, foreign pages and those without the token.

    A browser brings the token once, in the address; the answer moves it into a cookie and out of the address bar.
    Other programs may bring it in the address each time.

    Args:
        app: answers what is allowed.
        access: the rules.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        answer: ASGIApp | None = self._refusal(scope)
        if answer is None:
            scope["state"][GRANTED] = True
            enters = self._access.token is not None and scope["path"] == "/" and _offered(scope) is not None
            answer = self._enter(scope) if enters else self._app
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        try:
            name, port = _name_and_port(host)
        except ValueError:
            return PlainTextResponse("the Host header is no name with a port", HTTPStatus.BAD_REQUEST)
        kept = cookie_parser(headers.get("cookie", "")).get(f"{COOKIE}_{port}")
        if not self._access.names(name):
            refusal = "this page is not known under that name; open the address that was printed"
        elif _is_of_another_page(headers, host):
            refusal = "another page may not do that"
        elif not self._access.grants(kept) and not self._access.grants(_offered(scope)):
            refusal = "the token is missing or wrong; open the whole address that was printed"
        else:
            return None
        return PlainTextResponse(refusal, HTTPStatus.FORBIDDEN)

    def _enter(self, scope: Scope) -> Response:
        """Set the cookie and go to the page, without the token in the address.

        This is a page and no redirect: a link in a chat may have led here, and a browser does not send a cookie that is
        SameSite=Strict when another site's link is redirected.
        """
        port = _name_and_port(Headers(scope=scope)["host"])[1]
        answer = HTMLResponse(ENTER)
        answer.set_cookie(f"{COOKIE}_{port}", self._access.token or "", httponly=True, samesite="strict")
        return answer


def _offered(scope: Scope) -> str | None:
    """The token in the address."""
    return QueryParams(scope["query_string"]).get("token")


def _is_of_another_page(headers: Headers, host: str) -> bool:
    """Whether a page of another address made the request, or an <img> in such a page, which sends no Origin."""
    if "origin" in headers:
        return headers["origin"].partition("://")[2] != host
    foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return foreign and headers.get("sec-fetch-mode") != "navigate"


def _name_and_port(host: str) -> tuple[str, int]:
    """Name and port of a Host header. Cookies ignore ports, so theirs is part of the name of ours.

    Raises:
        ValueError: it is malformed.
    """
    parts = urlsplit(f"//{host}")
    if parts.netloc != host or "@" in host:
        raise ValueError(host)
    return parts.hostname or "", parts.port or 80


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", socket.getfqdn().lower()})
