"""Serving pages with uvicorn: the address to listen on, the server and how it is set up."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from sdfl.errors import MissingDependency, SdflError

try:
    import uvicorn

    from sdfl.runtime.views.browser.connections import LimitedConnection
except ModuleNotFoundError as error:
    if error.name not in ("uvicorn", "starlette", "h11"):
        raise
    raise MissingDependency("the server of pages for browsers", extra="demo") from error

HOST = "127.0.0.1"
PORT = 8000
ACCEPTED_AT_ONCE = 32  # connections that asyncio accepts before `LimitedConnection` can close any
WAITING_CONNECTIONS = 1024  # the system keeps them until they are accepted; more have to try again
END_S = 1  # how long the server waits for its viewers when it ends


class Server(uvicorn.Server):
    """asyncio has one number for what it accepts at once and what waits to be accepted; here they differ."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(WAITING_CONNECTIONS)


def configure(app: Any, headers: Mapping[str, str], **options: Any) -> uvicorn.Config:
    """How the server runs: with limits and deadlines for its connections, and silently.

    Args:
        app: the ASGI application.
        headers: of every answer.
        options: more of uvicorn's.
    """
    return uvicorn.Config(
        app,
        http=LimitedConnection,
        ws="none",
        lifespan="off",
        headers=[*headers.items()],
        server_header=False,
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=END_S,
        **options,
    )


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Args:
        host: address of this computer.
        port: None tries 8000, then any free one; 0 takes any free one.

    Raises:
        SdflError: the address or port cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (PORT, 0) if port is None else (port,):
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, _sole_use(), 1)
        try:
            listener.bind((host, candidate))
            listener.listen()
            return listener
        except OSError as error:
            listener.close()
            refused = error
    if candidate == 0:
        raise SdflError(
            f"address {host} cannot be used ({refused.strerror}); give one of this computer, or 0.0.0.0 for all"
        ) from refused
    raise SdflError(f"port {candidate} of {host} cannot be used ({refused.strerror}); choose another") from refused


def _sole_use() -> int:
    """The option of a socket with which nobody else can take its port while it is open, and anybody can after that.

    On Windows SO_REUSEADDR would let two servers have the same port at once.
    """
    return int(getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR))


def shown(host: str) -> str:
    """`host` as it is written in an address; "all addresses" becomes this computer's name."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    return f"[{name}]" if ":" in name else name
