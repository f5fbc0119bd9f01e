"""The connections of the server: how many there may be, and how long a request or an answer may take.

uvicorn leaves both to a proxy in front of it: its only timeout is for the time between two requests, and its limit on
connections refuses requests, but keeps the connections.
"""

from __future__ import annotations

import asyncio
import sys
import time
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 128
MAX_CONNECTIONS_PER_CLIENT = 32  # a browser opens at most six; the users of a computer share 127.0.0.1
HEAD_S = 5.0  # from the first byte of a request to the end of its headers
BODY_S = 10.0  # from there to the end of its body
REST_S = 2.0  # for what still comes of a request that was answered before its end
STALLED_S = 10.0  # a viewer that takes no bytes for this time is dropped
GRANTED = "granted"  # in the state of a request: it may use the page


class LimitedConnection(H11Protocol):
    """A connection of uvicorn's with deadlines; a new one takes the place of the oldest idle one if there are too many.

    Refusing the new one instead would let one program lock all others of its address out: it would only have to be
    quicker to open connections than the deadlines are to close them.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opened_s = time.monotonic()
        self._phase: tuple[float, bool] | None = None  # what the deadline is for
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection if there is room for it, or if an idle one can give way."""
        super().connection_made(transport)
        # So that `pause_writing` tells of what is not taken; with 0, TLS would pause where nothing is left to take.
        transport.set_write_buffer_limits(high=1, low=0)
        if self._find_room():
            self._watch()
        else:
            self._refuse(HTTPStatus.TOO_MANY_REQUESTS, "there are too many connections; close some pages")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        for timer in (self._deadline, self._stalled, self.timeout_keep_alive_task):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come of a request; drop what comes after a refusal."""
        if not self._refused:
            super().data_received(data)
            self._watch()

    def on_response_complete(self) -> None:
        """Go on with the next request, which may have come already."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; called while h11's error, which may know a better status, is handled."""
        hint = getattr(sys.exc_info()[1], "error_status_hint", HTTPStatus.BAD_REQUEST)
        status = HTTPStatus(hint if 400 <= hint < 500 else HTTPStatus.BAD_REQUEST)
        text = msg if status is HTTPStatus.BAD_REQUEST else "the headers of the request are too long"
        self._refuse(status, text)

    def pause_writing(self) -> None:
        """The other side has not taken everything: it has some time to do so."""
        super().pause_writing()
        self._stalled = self.loop.call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The other side has taken everything."""
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def shutdown(self) -> None:
        """End of the server: only requests that have come completely are still answered."""
        if self._refused or self._is_idle:
            self.transport.abort()
        else:
            super().shutdown()

    def _find_room(self) -> bool:
        """Whether there is room for this connection, after the oldest idle one has given way where that is needed."""
        others = [other for other in self.connections if isinstance(other, LimitedConnection) and other is not self]
        crowd = [other for other in others if not (other._refused or other.transport.is_closing())]
        of_client = [other for other in crowd if other._address == self._address]
        if len(of_client) >= MAX_CONNECTIONS_PER_CLIENT:
            crowd = of_client
        elif len(crowd) < MAX_CONNECTIONS:
            return True
        idle = [other for other in crowd if other._is_idle]
        if idle:
            oldest = min(idle, key=lambda other: (other._is_granted, other._opened_s))
            oldest._give_up(HTTPStatus.TOO_MANY_REQUESTS, "there are too many connections; a newer one was taken")
        return bool(idle)

    @property
    def _address(self) -> str | None:
        return self.client[0] if self.client else None

    @property
    def _is_idle(self) -> bool:
        """Whether no answer is being made: nothing of a request has come yet, or only a part of it."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    @property
    def _is_granted(self) -> bool:
        """Whether its last request was allowed to use the page."""
        return self.scope is not None and bool(self.scope["state"].get(GRANTED))

    def _watch(self) -> None:
        """Set the deadline of what is received now; what was set for the same thing before remains."""
        phase = self._current_phase()
        if self._refused or phase == self._phase:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._phase, self._deadline = phase, None
        if phase is not None:
            why = f"the request did not come completely within {phase[0]:g} s"
            self._deadline = self.loop.call_later(phase[0], self._give_up, HTTPStatus.REQUEST_TIMEOUT, why)

    def _current_phase(self) -> tuple[float, bool] | None:
        """How long what is received now may take, and whether a part has come; None while nothing is expected."""
        if self.conn.their_state is h11.IDLE:
            return HEAD_S, self._has_begun
        if self.conn.their_state is not h11.SEND_BODY:
            return None
        is_answered = self.conn.our_state not in (h11.SEND_RESPONSE, h11.SEND_BODY)
        return (REST_S if is_answered else BODY_S), True

    @property
    def _has_begun(self) -> bool:
        """Whether a part of a request has come."""
        return self.conn.their_state is h11.SEND_BODY or bool(self.conn.trailing_data[0])

    def _give_up(self, status: HTTPStatus, text: str) -> None:
        """Close the connection; say why where a part of a request has come that nothing was answered to."""
        if self._has_begun:
            self._refuse(status, text)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        """Answer, unless an answer has begun, and close.

        The answer would be lost if the connection were closed while the other side is still sending. So only our
        direction is closed at first, and what still comes is dropped, as long as there are not too many connections.
        """
        if self.cycle is not None:
            self.cycle.disconnected = True  # what the application still sends goes nowhere
            self.cycle.message_event.set()
        if self._refused or self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        self._refused = True
        if self._deadline is not None:
            self._deadline.cancel()
        body = f"{text}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        if len(self.connections) > MAX_CONNECTIONS:
            self.transport.close()
            return
        if self.transport.can_write_eof():  # TLS has no such thing
            self.transport.write_eof()
        self.transport.resume_reading()
        self._deadline = self.loop.call_later(REST_S, self.transport.abort)
