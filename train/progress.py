"""What a training shows: a bar with the time left on a terminal, one line an epoch everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, track


@dataclass(frozen=True)
class Score:
    """The figure of a validation that decides which checkpoint is the best one; lower is better.

    Attributes:
        key: its name in what the validation returns.
        form: how an epoch's line shows it, a format string.
    """

    key: str
    form: str


@dataclass
class EpochReport:
    """What one epoch gave.

    Attributes:
        epoch: its number, from 0.
        terms: mean of each term of the loss.
        learning_rate: of its last step.
        score: which figure of the validation is shown.
        validation: the summary of a validation, empty where none was due.
    """

    epoch: int
    terms: dict[str, float]
    learning_rate: float
    score: Score
    validation: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The report in one line."""
        losses = "  ".join(f"{name} {value:.4g}" for name, value in self.terms.items())
        value = self.validation.get(self.score.key)
        checked = "" if value is None else f"  validation {self.score.form.format(value)}"
        return f"epoch {self.epoch + 1}  {losses}{checked}"


class Reporter:
    """Prints to standard error."""

    def __init__(self) -> None:
        self._console = Console(file=sys.stderr)
        self._progress: Progress | None = None

    @contextmanager
    def training(self, epochs: int, steps: int, done: int) -> Iterator[None]:
        """Show the bar of a training.

        Args:
            epochs: how many there are.
            steps: batches of one epoch.
            done: batches that were done before.
        """
        columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, disable=not self._console.is_terminal) as progress:
            self._progress = progress
            self._task = progress.add_task("", total=epochs * steps, completed=done, epoch=done // steps + 1)
            yield
        self._progress = None

    def waiting(self, title: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
        """A bar for what comes before the first step: wraps the things that are gone through."""
        return lambda steps: track(
            list(steps), title, console=self._console, transient=True, disable=not self._console.is_terminal
        )

    def step(self) -> None:
        """One batch is done."""
        if self._progress:
            self._progress.advance(self._task)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, soft_wrap=True)

    def epoch(self, report: EpochReport) -> None:
        """One epoch is done."""
        if self._progress:
            self._progress.update(self._task, epoch=report.epoch + 2)
        self.say(report.line())
