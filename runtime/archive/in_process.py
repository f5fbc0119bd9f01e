"""Labelling in this process, one task after the other: the smallest schedule, for tests and short scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sdfl.runtime.archive.labelling import Outcome, Progress, Task, Worker


def _ignore(_: Progress) -> None:
    pass


def in_process(tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
    """A `Schedule` without other processes."""
    for task in tasks:
        yield worker(task, _ignore)
