"""A bar with the time left for each part of a suite, on a terminal; silence elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Step = Callable[[int], None]


def ignore(*_: object) -> None:
    """For those who want to know nothing."""


def silent(*_: object) -> Step:
    """In place of the function that `progress_bar` gives."""
    return ignore


@contextmanager
def progress_bar(console: Console | None = None) -> Iterator[Callable[[str, int], Step]]:
    """Gives a function (description, total) -> step(count)."""
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
