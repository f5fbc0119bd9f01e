"""A slot that holds only the newest item, so that a slow consumer never makes a producer wait or a queue grow."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """One producer, any number of consumers; each remembers the number of the item that it saw last (0: none)."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._number = 0
        self._item: T | None = None
        self._end: Exception | None = None

    def put(self, item: T) -> None:
        """Replace the item. Never waits for a consumer."""
        with self._changed:
            self._number += 1
            self._item = item
            self._changed.notify_all()

    def close(self, reason: Exception | None = None) -> None:
        """Wake every consumer; `get` raises `reason` (EOFError without one) from now on. The first reason counts."""
        with self._changed:
            self._end = self._end or reason or EOFError()
            self._changed.notify_all()

    def get(self, after: int, timeout_s: float) -> tuple[int, T]:
        """Wait for an item newer than number `after`. Returns (its number, the item).

        Raises TimeoutError after `timeout_s`, and the reason given to `close`.
        """
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._end or self._number > after, timeout_s)
            if self._end is not None:
                raise self._end
            if not arrived or self._item is None:
                raise TimeoutError(f"nothing new within {timeout_s:g} s")
            return self._number, self._item
