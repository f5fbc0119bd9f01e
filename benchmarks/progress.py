"""Progress bars with the time left, on a terminal; nothing is shown elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Step = Callable[[int], None]  # told how many further steps are done
StartBar = Callable[[str, int], Step]  # given a description and the number of steps
T = TypeVar("T")


def ignore(*_: object) -> None:
    """Do nothing, for callers that want no progress."""


def silent(*_: object) -> Step:
    """A StartBar that shows nothing."""
    return ignore


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[StartBar]:
    """Bars on standard error while the block runs, one below the other.

    Args:
        console: where they are drawn instead.
    """
    console = console or Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def start(description: str, total: int) -> Step:
            task = progress.add_task(description, total=total)
            return lambda count: progress.advance(task, count)

        yield start


def wrapped(start_bar: StartBar, description: str) -> Callable[[Iterable[T]], Iterator[T]]:
    """A function that shows a bar over the things that it passes on."""

    def wrap(things: Iterable[T]) -> Iterator[T]:
        known = list(things)
        step = start_bar(description, len(known))
        for thing in known:
            yield thing
            step(1)

    return wrap
