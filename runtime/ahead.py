"""Work that goes on in a thread of its own while somebody uses what came out of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sdfl.runtime.newest import Newest

T = TypeVar("T")
LONGEST_WAIT_S = 3600.0  # sources have time limits of their own


@contextmanager
def newest_of(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Iterate over `items` in a thread; what the consumer gets is the newest one that it has not had yet.

    The last item is always given. What `items` raises is raised where it is consumed. On leaving, the thread ends after
    the item that it is at.
    """
    slot: Newest[T] = Newest()
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

    def consume() -> Iterator[T]:
        number, given = 0, object()
        while True:
            try:
                number, item = slot.get(number, LONGEST_WAIT_S)
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
        thread.join(timeout=2.0)
