"""A progress bar for steps that are known beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def progress(title: str) -> Any:
    """A bar on standard error, silent where that is no terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)

    def wrap(steps: Iterable[Any]) -> Iterable[Any]:
        return track(list(steps), description=title, console=console, transient=True, disable=not console.is_terminal)

    return wrap
