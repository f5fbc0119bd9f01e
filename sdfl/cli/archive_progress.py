"""How far a run over an archive is: a table that is drawn anew on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sdfl.runtime.archive.labelling import Progress
    from sdfl.runtime.archive.run import Summary

LINE_S = 60.0  # between lines where standard error is no terminal
MOST_WORKERS = 20  # rows of the table

Told = Callable[["Summary", int], None]


@contextmanager
def shown_progress(doing: Callable[[], dict[str, Progress]]) -> Iterator[Told]:
    """Give the function to call with what came of a run so far, and the number of videos that are left.

    Args:
        doing: tells what each worker labels.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines()
        return
    with Live(console=console, transient=True, refresh_per_second=2) as live:
        yield lambda summary, left: live.update(_table(summary, left, doing()))


class _Lines:
    def __init__(self) -> None:
        self._last_s = time.monotonic()

    def __call__(self, summary: Summary, left: int) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_S and left:
            self._last_s = now_s
            print(progress_line(summary, left), file=sys.stderr, flush=True)


def progress_line(summary: Summary, left: int) -> str:
    """One line about a run that goes on.

    Args:
        summary: what came of it so far.
        left: videos that are not done.
    """
    done = summary.total - left
    failed = f", {len(summary.failed)} failed" if summary.failed else ""
    return f"{done} of {summary.total} videos{failed}; {_speed(summary)}; {_time_left(summary)}"


def summary_line(summary: Summary, out: Path) -> str:
    """One line about a run that is over.

    Args:
        summary: what came of it.
        out: the dataset.
    """
    parts = [f"{summary.labelled} labelled", f"{summary.before} done before"]
    if summary.changed:
        parts.append(f"{summary.changed} of them had changed")
    parts.append(f"{len(summary.failed)} failed" + (f" (see {out / 'failures.parquet'})" if summary.failed else ""))
    return f"{out}: {summary.total} videos: {', '.join(parts)}; {_speed(summary)}"


def _speed(summary: Summary) -> str:
    if not summary.video_s or not summary.wall_s:
        return f"{_clock(summary.wall_s)} so far"
    rate = summary.video_s / summary.wall_s
    return f"{summary.video_s / 3600:.2f} h of video in {_clock(summary.wall_s)}, {rate:.1f} x real time"


def _time_left(summary: Summary) -> str:
    if not summary.bytes_done:
        return "time left unknown"
    return f"{_clock(summary.wall_s * (summary.bytes_left / summary.bytes_done))} left"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def _table(summary: Summary, left: int, workers: dict[str, Progress]) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False)
    for name, each in list(workers.items())[:MOST_WORKERS]:
        part = "" if each.segment is None else f", segment {each.segment}"
        table.add_row(name, _clock(each.video_s), f"{each.video[-60:]}{part}")
    more = f"and {len(workers) - MOST_WORKERS} more workers" if len(workers) > MOST_WORKERS else ""
    return Group(Text(progress_line(summary, left)), table, Text(more))
