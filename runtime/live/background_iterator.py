"""Iterating in a background thread, while the foreground uses the latest item."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sdfl.runtime.sources.latest_frame import Latest

T = TypeVar("T")
IDLE_S = 0.1  # how long a consumer is kept waiting at most: a window must answer meanwhile


@contextmanager
def latest_in_background(items: Iterable[T], wake: Callable[[], None] = lambda: None) -> Iterator[Iterator[T | None]]:
    """Iterate in a thread; the consumer gets the latest item that it has not had yet, and always the last one.

    Args:
        items: what the thread iterates over. What it raises is raised where the items are consumed.
        wake: called on leaving, so that a thread that waits for an item ends at once.

    Yields:
        An iterator over the items; it gives None where nothing new has come for IDLE_S.
    """
    slot: Latest[T] = Latest()
    last: list[T] = []
    stop = threading.Event()
    failure: list[BaseException] = []

    def produce() -> None:
        try:
            for item in items:
                last[:] = [item]
                slot.put(item)
                if stop.is_set():
                    break
        except BaseException as error:
            failure.append(error)
        finally:
            slot.close()

    def consume() -> Iterator[T | None]:
        number, given = 0, object()
        while True:
            try:
                number, item = slot.get(number, IDLE_S)
            except TimeoutError:
                yield None
                continue
            except EOFError:
                break
            given = item
            yield item
        if last and last[0] is not given:
            yield last[0]
        if failure:
            raise failure[0]

    thread = threading.Thread(target=produce, name="tracking", daemon=True)
    thread.start()
    try:
        yield consume()
    finally:
        stop.set()
        wake()
        thread.join(timeout=2.0)
