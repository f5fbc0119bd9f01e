"""The record of one run on a GPU: what was tried, how it ended, and what was measured."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sdfl.errors import DataError
from sdfl.files import atomic_path, read_json

PASSED, FAILED, NOT_RUN = OUTCOMES = ("passed", "failed", "not run")
NOT_REACHED = "the run ended before this step"


@dataclass(frozen=True)
class StepResult:
    """How one step ended.

    Attributes:
        name: of the step.
        outcome: one of OUTCOMES.
        reason: why it failed or was not run, one line; "" where it passed.
        seconds: how long it ran.
        figures: what it measured, units in the names.

    Raises:
        ValueError: the fields contradict each other.
    """

    name: str
    outcome: str = NOT_RUN
    reason: str = ""
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outcome not in OUTCOMES:
            raise ValueError(f"outcome of {self.name!r} must be one of {', '.join(OUTCOMES)}, got {self.outcome!r}")
        if (self.outcome == PASSED) != (self.reason == "") or "\n" in self.reason:
            raise ValueError(f"{self.name!r} {self.outcome}: the reason must be one line, and empty after a success")
        if self.seconds < 0:
            raise ValueError(f"seconds of {self.name!r} must not be negative, got {self.seconds}")


@dataclass(frozen=True)
class GpuRecord:
    """One run on one computer.

    Attributes:
        gpu: its name.
        compute_capability: of the GPU, such as "8.7".
        cuda: the newest version of CUDA that the driver runs.
        versions: of the tools and TensorRT's libraries, by name.
        environment: as `sdfl.benchmarks.environment.read_environment` gives it, with the commit of the checkout.
        started_utc: ISO 8601.
        seconds: how long all of it took.
        steps: one result for each step of the table, in its order.

    Raises:
        ValueError: two steps have the same name, or the GPU has none.
    """

    gpu: str
    compute_capability: str
    cuda: str
    versions: dict[str, str]
    environment: dict[str, Any]
    started_utc: str
    seconds: float
    steps: tuple[StepResult, ...]

    def __post_init__(self) -> None:
        if not self.gpu:
            raise ValueError("gpu must be the name of the GPU")
        names = [step.name for step in self.steps]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"steps must have names of their own, {twice!r} is there twice")

    def with_step(self, result: StepResult, seconds: float) -> GpuRecord:
        """The record with another result of one step.

        Args:
            result: takes the place of the one with its name.
            seconds: how long all of the run took until now.
        """
        steps = tuple(result if step.name == result.name else step for step in self.steps)
        return replace(self, steps=steps, seconds=seconds)

    def count(self, outcome: str) -> int:
        """How many steps ended so."""
        return sum(step.outcome == outcome for step in self.steps)

    @property
    def passed(self) -> bool:
        """Whether every step that was run passed, and one was run."""
        return self.count(FAILED) == 0 < self.count(PASSED)


def write_record(path: Path, record: GpuRecord) -> None:
    """Write a record as JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> GpuRecord:
    """Read a record.

    Raises:
        DataError: the file is missing, or is no such record.
    """
    try:
        table = read_json(path)
        return GpuRecord(**table | {"steps": _read_steps(table["steps"])})
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path}: is no record of a run on a GPU ({error}); make it again: make gpu") from error


def _read_steps(table: Iterable[dict[str, Any]]) -> tuple[StepResult, ...]:
    return tuple(StepResult(**step) for step in table)
