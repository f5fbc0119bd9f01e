"""A slot that holds only the latest item, so that a slow consumer never makes a producer wait or a queue grow."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """The latest item of one producer, for any number of consumers.

    Items are numbered from 1. Each consumer remembers the number of the item that it got last, 0 for none.
    """

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
        """Wake every consumer; `get` raises from now on.

        Args:
            reason: what it raises, None for EOFError. Only the reason of the first call counts.
        """
        with self._changed:
            self._end = self._end or reason or EOFError()
            self._changed.notify_all()

    def get(self, after: int, timeout_s: float) -> tuple[int, T]:
        """Wait for an item that was not seen yet.

        Args:
            after: number of the item that the consumer got last.
            timeout_s: how long to wait.

        Returns:
            The item's number, and the item.

        Raises:
            TimeoutError: nothing has come within `timeout_s`.
            Exception: the reason given to `close`.
        """
        with self._changed:
            arrived = self._changed.wait_for(lambda: self._end or self._number > after, timeout_s)
            if self._end is not None:
                raise self._end
            if not arrived or self._item is None:
                raise TimeoutError(f"nothing new within {timeout_s:g} s")
            return self._number, self._item
