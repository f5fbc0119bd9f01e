"""Progress bars on standard error; nothing is shown where that is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdfl.runtime.sources import FrameSource
    from sdfl.types import Frame


def progress(title: str) -> Any:
    """A function that wraps the steps of some work in a progress bar called `title`.

    It takes the steps and, where they come one after the other, their number.
    """
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)

    def wrap(steps: Iterable[Any], total: int | None = None) -> Iterable[Any]:
        known = list(steps) if total is None else steps
        hidden = not console.is_terminal
        return track(known, title, total, console=console, transient=True, disable=hidden)

    return wrap


def frame_progress(
    source: FrameSource, max_frames: int | None, *, wanted: bool
) -> Callable[[Iterable[Frame]], Iterable[Frame]]:
    """A function that wraps the frames of a finite source in a progress bar.

    Args:
        source: of the frames.
        max_frames: after which the run stops, None for no limit.
        wanted: False for no bar.
    """
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=True)
    if source.live or not wanted or not console.is_terminal:
        return lambda frames: frames
    total = min(count for count in (source.num_frames, max_frames, sys.maxsize) if count is not None)
    return lambda frames: bar(
        frames, total=None if total == sys.maxsize else total, description=source.name, console=console, transient=True
    )
