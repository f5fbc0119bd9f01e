"""Who may use the page: this computer; other computers only with the token in the address that was printed."""

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
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
COOKIE = "sdfl_token"


@dataclass(frozen=True)
class Access:
    """The rules for one address.

    Attributes:
        host: the address that is listened on.
        token: what other computers need; None where only this computer can connect.
        names_here: names of this computer, determined once, because that may take seconds.
    """

    host: str
    token: str | None
    names_here: frozenset[str] = frozenset()

    @classmethod
    def to(cls, host: str) -> Access:
        """The rules for an address: a new random token unless it is a loopback one."""
        return cls(host, None) if is_loopback(host) else cls(host, secrets.token_urlsafe(16), _own_names())

    def names(self, name: str) -> bool:
        """Whether a request may have this Host name; a foreign name that points here (DNS rebinding) may not."""
        if name in LOCAL_NAMES or name == self.host:
            return True
        return self.token is not None and (_is_address(name) or name.lower() in self.names_here)

    def grants(self, offered: str | None) -> bool:
        """Whether this is the token; compared in constant time."""
        return self.token is None or hmac.compare_digest((offered or "").encode(), self.token.encode())


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches the address."""
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


class Guard:
    """ASGI middleware: refuses foreign Host names, foreign pages and those without the token.

    The token comes once, in the address; the answer moves it into a cookie and out of the address bar.

    Args:
        app: answers what is allowed.
        access: the rules.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        offered = QueryParams(scope["query_string"]).get("token")
        if not self._access.names(urlsplit(f"//{host}").hostname or ""):
            refusal = "this page is not known under that name; open the address that was printed"
        elif _is_of_another_page(headers, host):
            refusal = "another page may not do that"
        elif self._access.token is not None and offered is not None and self._access.grants(offered):
            answer = RedirectResponse(scope["path"], HTTPStatus.SEE_OTHER)
            # Lax: the address may stand in a chat or a mail. What changes something is a POST and has an Origin.
            answer.set_cookie(_cookie_name(host), offered, httponly=True, samesite="lax")
            return await answer(scope, receive, send)
        elif not self._access.grants(cookie_parser(headers.get("cookie", "")).get(_cookie_name(host))):
            refusal = "the token is missing or wrong; open the whole address that was printed"
        else:
            return await self._app(scope, receive, send)
        return await PlainTextResponse(refusal, HTTPStatus.FORBIDDEN)(scope, receive, send)


def _is_of_another_page(headers: Headers, host: str) -> bool:
    """Whether a page of another address made the request, or an <img> in such a page, which sends no Origin."""
    if "origin" in headers:
        return urlsplit(headers["origin"]).netloc != host
    foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return foreign and headers.get("sec-fetch-mode") != "navigate"


def _cookie_name(host: str) -> str:
    """The cookie of this port: cookies ignore ports, and several programs may run here. host: of the request."""
    return f"{COOKIE}_{urlsplit(f'//{host}').port or 80}"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({name, f"{name}.local", socket.getfqdn().lower()})
