"""Times of many cases, taken in turns (A B C A B C ...), so that other processes slow all of them alike."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np

from sdfl.benchmarks.intervals import median_interval, undisturbed
from sdfl.benchmarks.latency.energy import PowerRail, find_rail, measured_energy
from sdfl.benchmarks.latency.jetson import Watch
from sdfl.benchmarks.progress import Step, ignore
from sdfl.benchmarks.suite import HERE, Suite
from sdfl.benchmarks.targets import Target
from sdfl.benchmarks.worker import Worker, WorkerError

WORKERS_AT_ONCE = 8
REFERENCE_WORKLOAD = HERE / "latency" / "reference_workload.py"
REFERENCE_ITERATIONS = 20


@dataclass(frozen=True)
class Case:
    """One thing to take the time of.

    Attributes:
        stage: "network" for the network alone, "frame" for a frame with one tracked face.
        threads: the process is bound to as many CPUs.
        batch: faces at once, for the network alone.
        clip: the frames of stage "frame", as `peers/host.py` takes them.
    """

    target: Target
    stage: str
    threads: int
    batch: int = 1
    clip: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the case's record."""
        return {"stage": self.stage, "threads": self.threads, "batch": self.batch}


@dataclass
class Timing:
    """What was measured of one case so far.

    Attributes:
        startup: times and memory of fresh processes.
        rounds_ms: the times of each round.
        found: frames in which a face was found.
        energy_j: of all rounds, None if it cannot be measured.
        error: why the case is not measured any more, "" if it is.
    """

    case: Case
    startup: dict[str, Any] = field(default_factory=dict)
    rounds_ms: list[list[float]] = field(default_factory=list)
    found: int = 0
    energy_j: float | None = None
    error: str = ""


def measure(cases: Sequence[Case], suite: Suite, finished: Step = ignore) -> list[dict[str, Any]]:
    """Measure all cases.

    Args:
        cases: in groups of at most WORKERS_AT_ONCE processes they take turns.
        suite: how many rounds and iterations.
        finished: told how many rounds of cases are done.

    Returns:
        For each case the `result` of its record, or {"error": one line}.
    """
    rail, results = find_rail(), []
    for group in grouped(cases):
        results += _measure_group(group, suite, rail, finished)
    return results


def grouped(cases: Sequence[Case]) -> list[list[Case]]:
    """Divide cases into groups that run side by side.

    Returns:
        Groups of consecutive cases that need at most WORKERS_AT_ONCE processes; cases of the same model and number of
        threads share a process.
    """
    groups: list[list[Case]] = [[]]
    for case in cases:
        workers = {_worker_key(each) for each in [*groups[-1], case]}
        if len(workers) > WORKERS_AT_ONCE:
            groups.append([])
        groups[-1].append(case)
    return [group for group in groups if group]


def _worker_key(case: Case) -> tuple[str, str, int]:
    return str(case.target.subject), str(case.target.options), case.threads


def _measure_group(cases: Sequence[Case], suite: Suite, rail: PowerRail | None, finished: Step) -> list[dict[str, Any]]:
    timings = [Timing(case) for case in cases]
    with ExitStack() as stack:
        reference = stack.enter_context(Worker(REFERENCE_WORKLOAD, threads=1))
        reference.ask("open", options={})
        reference.ask("time_network", batch=1, iterations=REFERENCE_ITERATIONS)
        workers: dict[tuple[str, str, int], Worker | WorkerError] = {}
        for timing in timings:
            key = _worker_key(timing.case)
            if key not in workers:
                workers[key] = _opened(timing, suite, stack)
            _prepare(timing, workers[key], timings, suite)
        watch, reference_ms = Watch(), []
        watch.start()
        for round_number in range(suite.rounds):
            answer = reference.ask("time_network", batch=1, iterations=REFERENCE_ITERATIONS)
            reference_ms.append(undisturbed(answer["times_ms"]))
            for timing in timings:
                worker = workers[_worker_key(timing.case)]
                if not timing.error and isinstance(worker, Worker):
                    _one_round(timing, worker, round_number, suite, rail)
                finished(1)
        # Records with the same "interleaved" took turns, so their ratios may be taken round by round.
        together: dict[str, Any] = {"interleaved": uuid4().hex[:12]} | watch.summary()
        return [summary(t, reference_ms, suite) | ({} if t.error else together) for t in timings]


def _opened(timing: Timing, suite: Suite, stack: ExitStack) -> Worker | WorkerError:
    """A worker with the model open. `timing` gets the median of the start times of `suite.starts` processes."""
    target, threads = timing.case.target, timing.case.threads
    starts = []
    try:
        for number in range(suite.starts):
            last = number == suite.starts - 1
            worker = Worker(target.adapter, python=target.python, threads=threads)
            if last:
                stack.enter_context(worker)
            try:
                starts.append(_start(worker, timing.case, threads))
            finally:
                if not last:
                    worker.close()
    except WorkerError as error:
        return error
    timing.startup = starts[0] | {
        key: median(start[key] for start in starts)
        for key in ("load_ms", "first_ms", "peak_rss_mb", "rss_before_mb")
        if all(start[key] is not None for start in starts)
    }
    return worker


def _start(worker: Worker, case: Case, threads: int) -> dict[str, Any]:
    """Load, run once, and ask for the memory, all in a fresh process."""
    about = worker.ask("open", options=case.target.options | {"threads": threads})
    first = _ask_times(worker, case, start=0, iterations=1)
    return about | worker.ask("memory") | {"first_ms": first["times_ms"][0]}


def _prepare(timing: Timing, worker: Worker | WorkerError, timings: Sequence[Timing], suite: Suite) -> None:
    """Warm up; a case takes the start times of the first case in its process."""
    if isinstance(worker, WorkerError):
        timing.error = str(worker)
        return
    if not timing.startup:
        key = _worker_key(timing.case)
        timing.startup = next(t.startup for t in timings if _worker_key(t.case) == key)
    try:
        _ask_times(worker, timing.case, start=0, iterations=suite.warmup)
    except WorkerError as error:
        timing.error = str(error)


def _one_round(timing: Timing, worker: Worker, number: int, suite: Suite, rail: PowerRail | None) -> None:
    try:
        with measured_energy(rail) as used:
            answer = _ask_times(
                worker, timing.case, start=suite.warmup + number * suite.iterations, iterations=suite.iterations
            )
    except WorkerError as error:
        timing.error = str(error)
        return
    timing.rounds_ms.append(answer["times_ms"])
    timing.found += answer.get("found", 0)
    if used.joules is not None:
        timing.energy_j = (timing.energy_j or 0.0) + used.joules


def _ask_times(worker: Worker, case: Case, *, start: int, iterations: int) -> dict[str, Any]:
    if case.stage == "network":
        return worker.ask("time_network", batch=case.batch, iterations=iterations)
    return worker.ask("time_frames", clip=case.clip, start=start, iterations=iterations)


def summary(timing: Timing, reference_ms: Sequence[float], suite: Suite) -> dict[str, Any]:
    """The `result` of a case's record.

    Args:
        timing: of the case.
        reference_ms: time of the reference workload in each round.
        suite: what was asked for.

    Returns:
        Times in ms, and `reference_ratio`: the median over the rounds of the time divided by that of the reference
        workload, both as `undisturbed` takes them.
    """
    if timing.error:
        return {"error": timing.error}
    times_ms = np.concatenate([np.asarray(each) for each in timing.rounds_ms])
    round_p10_ms = [undisturbed(each) for each in timing.rounds_ms]
    ratios = np.asarray(round_p10_ms) / np.asarray(reference_ms)
    p50, p90, p99 = np.percentile(times_ms, [50, 90, 99])
    low, high = median_interval(ratios)
    startup = timing.startup
    result: dict[str, Any] = {
        "p50_ms": round(float(p50), 4),
        "p90_ms": round(float(p90), 4),
        "p99_ms": round(float(p99), 4),
        "min_ms": round(float(times_ms.min()), 4),
        "throughput_per_s": round(timing.case.batch * len(times_ms) / float(times_ms.sum()) * 1000, 2),
        "round_p10_ms": [round(value, 4) for value in round_p10_ms],
        "reference_ratio": round(median(ratios), 4),
        "reference_ratio_interval": [round(low, 4), round(high, 4)],
        "reference_ms": round(median(reference_ms), 4),
        "rounds": len(timing.rounds_ms),
        "iterations": suite.iterations,
        "warmup": suite.warmup,
        "starts": suite.starts,
    }
    result |= {
        key: round(startup[key], 2)
        for key in ("load_ms", "first_ms", "rss_before_mb", "peak_rss_mb")
        if startup.get(key) is not None
    }
    result |= {key: startup[key] for key in ("version", "note") if key in startup}
    if timing.case.stage == "frame":
        result["found_percent"] = round(100 * timing.found / len(times_ms), 2)
    if timing.energy_j is not None:
        result["energy_mj"] = round(timing.energy_j * 1000 / len(times_ms), 3)
    return result
