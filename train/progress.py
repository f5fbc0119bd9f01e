"""What a training shows: a bar with the time left on a terminal, one line an epoch everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track


@dataclass
class EpochReport:
    """terms: mean of each loss term. validation: the summary of an evaluation, empty where none was due."""

    epoch: int
    terms: dict[str, float]
    learning_rate: float
    validation: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        losses = "  ".join(f"{name} {value:.4g}" for name, value in self.terms.items())
        checked = f"  validation NME {self.validation['nme_percent']:.3f} %" if self.validation else ""
        return f"epoch {self.epoch + 1}  {losses}{checked}"


class Reporter:
    """Prints to stderr."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._progress: Progress | None = None

    @contextmanager
    def training(self, epochs: int, steps: int, start: int) -> Iterator[None]:
        columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            self._progress = progress
            self._task = progress.add_task("", total=epochs * steps, completed=start * steps, epoch=start + 1)
            yield
        self._progress = None

    def waiting(self, title: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
        """A bar for what comes before the first step."""
        return lambda steps: track(
            list(steps), title, console=self._console, transient=True, disable=not self._console.is_terminal
        )

    def step(self) -> None:
        if self._progress:
            self._progress.advance(self._task)

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

    def epoch(self, report: EpochReport) -> None:
        if self._progress:
            self._progress.update(self._task, epoch=report.epoch + 2)
        self._console.print(report.line(), highlight=False, soft_wrap=True)
