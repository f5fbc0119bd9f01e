"""Runs the table of steps, each within its limit, and writes the record after each of them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sdfl.benchmarks.gpu import process
from sdfl.benchmarks.gpu.process import Finished
from sdfl.benchmarks.gpu.record import FAILED, NOT_REACHED, NOT_RUN, PASSED, GpuRecord, StepResult, write_record
from sdfl.benchmarks.gpu.workplace import NotRun, Step, Workplace

LEAST_S = 2.0  # a step is not begun with less

Say = Callable[[str], None]


def run_all(
    workplace: Workplace, steps: Sequence[Step], out: Path, *, minutes: float, before: GpuRecord | None, say: Say
) -> GpuRecord:
    """Run the steps one after the other. One that fails or is missing something stops none of the others.

    Args:
        workplace: where.
        steps: the table.
        out: the record, written after each step.
        minutes: how long all of it may take; steps that do not fit any more are not run.
        before: the record of a run that was cut off on the same GPU: what passed in it is not run again.
        say: told how each step ended, in one line.
    """
    start_s = time.monotonic()
    earlier_s = before.seconds if before else 0.0
    done = {step.name: step for step in before.steps if step.outcome == PASSED} if before else {}
    if not before:
        shutil.rmtree(workplace.engines, ignore_errors=True)
        shutil.rmtree(workplace.folder / "logs", ignore_errors=True)
    record = GpuRecord(
        gpu=workplace.machine.gpu,
        compute_capability=workplace.machine.compute_capability,
        cuda=workplace.machine.cuda,
        versions=workplace.machine.versions,
        environment=workplace.machine.environment,
        started_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=earlier_s,
        steps=tuple(done.get(step.name, StepResult(step.name, NOT_RUN, NOT_REACHED)) for step in steps),
    )
    write_record(out, record)
    for step in steps:
        if step.name in done:
            continue
        left_s = start_s + 60 * minutes - time.monotonic()
        result = run_step(workplace, step, left_s)
        record = record.with_step(result, round(earlier_s + time.monotonic() - start_s, 1))
        write_record(out, record)
        say(as_line(result))
    return record


def run_step(workplace: Workplace, step: Step, left_s: float) -> StepResult:
    """Run one step.

    Args:
        workplace: where.
        step: what to run.
        left_s: what is left for all steps; this one gets no more.
    """
    if left_s < LEAST_S:
        return StepResult(step.name, NOT_RUN, "no time was left for it; run the rest with --resume")
    start_s = time.monotonic()
    limit_s = min(step.limit_s, left_s)
    log = workplace.folder / "logs" / f"{step.name.replace(': ', '_').replace(', ', '_').replace(' ', '_')}.txt"
    log.unlink(missing_ok=True)
    finished: list[Finished] = []
    reason = ""
    try:
        for command in step.prepare(workplace):
            rest_s = max(0.0, start_s + limit_s - time.monotonic())
            last = process.run(
                command, limit_s=rest_s, environment=workplace.environment(), folder=workplace.project, log=log
            )
            finished.append(last)
            if last.code != 0:
                reason = f"took longer than {limit_s:.0f} s" if last.code is None else last.why()
                break
        outcome, figures = (FAILED, {}) if reason else (PASSED, step.read(workplace, finished))
    except NotRun as error:
        outcome, reason, figures = NOT_RUN, str(error), {}
    except (ValueError, KeyError, OSError) as error:
        outcome, reason, figures = FAILED, f"gave no result that can be read: {_one_line(error)}", {}
    if outcome == FAILED and not figures:
        figures = _what_it_said(workplace, step, finished)
    return StepResult(step.name, outcome, _one_line(reason), round(time.monotonic() - start_s, 1), figures)


def _what_it_said(workplace: Workplace, step: Step, finished: Sequence[Finished]) -> dict[str, Any]:
    """A comparison beyond its limit has its numbers all the same."""
    with suppress(Exception):
        return step.read(workplace, finished)
    return {}


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def as_line(result: StepResult) -> str:
    """How a step ended, for the terminal."""
    plain = [f"{key} {value}" for key, value in result.figures.items() if not isinstance(value, list | dict)]
    return f"{result.outcome:8} {result.name:42} {result.seconds:6.1f} s  {result.reason or ', '.join(plain)}"
