"""Chooses a model for this computer from its records: the most accurate one within a time budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.benchmarks.bench import run_suite
from sdfl.benchmarks.environment import read_environment
from sdfl.benchmarks.progress import StartBar, ignore, silent
from sdfl.benchmarks.records import CROPS_BY_USE, Record, Subject, main_dataset, read_records, threads_name
from sdfl.benchmarks.suite import ModelEntry, Suite
from sdfl.benchmarks.targets import targets_of
from sdfl.errors import SdflError
from sdfl.runtime.zoo import zoo_models

LAYOUT = "ibug68"  # of the models that are compared: errors of other points are other errors


class NothingFits(SdflError):
    """No measured model keeps to the limits; the message says which comes nearest."""


@dataclass(frozen=True)
class Limits:
    """What a model must keep to.

    Attributes:
        budget_ms: longest median time.
        max_nme_percent: largest NME.
        threads: CPU threads that the time is taken with.
    """

    budget_ms: float
    max_nme_percent: float
    threads: int

    def __str__(self) -> str:
        accuracy = f" and an NME of {self.max_nme_percent:g} %" if self.max_nme_percent < 100 else ""
        return f"{self.budget_ms:g} ms with {threads_name(self.threads)}{accuracy}"


@dataclass(frozen=True)
class Candidate:
    """A model with a time on this computer and an accuracy.

    Attributes:
        latency: the record of the time.
        ms: its median.
        stage: what that is the time of, "network" or "frame".
        nme_interval: 95 % interval of `nme_percent`.
        crops: that the accuracy was measured with.
    """

    latency: Record
    ms: float
    stage: str
    nme_percent: float
    nme_interval: tuple[float, float]
    crops: str

    def __str__(self) -> str:
        what = "a tracked frame" if self.stage == "frame" else "the network alone"
        return (
            f"{self.latency.subject}: {self.ms:.2f} ms (median) for {what}, p99 {self.latency.result['p99_ms']:.2f} "
            f"ms, NME {self.nme_percent:.2f} % with {self.crops} crops"
        )

    def to_dict(self) -> dict[str, Any]:
        """A flat table, for JSON."""
        subject = self.latency.subject
        return {
            "model": subject.name,
            "precision": subject.precision,
            "backend": subject.backend,
            "compute": subject.compute,
            "stage": self.stage,
            "p50_ms": self.ms,
            "p99_ms": self.latency.result["p99_ms"],
            "nme_percent": self.nme_percent,
            "nme_percent_interval": list(self.nme_interval),
            "crops": self.crops,
            "command": self.latency.command,
        }


def candidates(records: Sequence[Record], machine: str, threads: int) -> list[Candidate]:
    """This project's models that can be chosen.

    Args:
        records: of any computers.
        machine: fingerprint of the computer whose times count.
        threads: CPU threads that the times were taken with.

    Returns:
        Models with a time at batch 1 on `machine` and an accuracy from any computer, the most accurate first. If a
        model has the time of a tracked frame, that of the network alone is left out.
    """
    found: dict[tuple[Subject, str], Candidate] = {}
    for record in records:
        asked = record.settings
        usable = record.kind == "latency" and not record.error and not record.subject.peer and record.machine == machine
        if not usable or (asked["threads"], asked["batch"]) != (threads, 1):
            continue
        accuracy = _accuracy_of(record.subject, records)
        if accuracy:
            result, stage = accuracy.result, asked["stage"]
            low, high = result["nme_percent_interval"]
            found[record.subject, stage] = Candidate(
                record, record.result["p50_ms"], stage, result["nme_percent"], (low, high), accuracy.settings["crops"]
            )
    whole = {subject for subject, stage in found if stage == "frame"}
    kept = [each for (subject, stage), each in found.items() if stage == "frame" or subject not in whole]
    return sorted(kept, key=lambda each: (each.nme_percent, each.ms))


def recommend(records: Sequence[Record], machine: str, limits: Limits) -> Recommendation:
    """Choose a model.

    Of the models within the limits, the fastest one whose accuracy cannot be told from that of the best is taken.

    Args:
        records: of any computers.
        machine: fingerprint of the computer that the model is for.
        limits: what it must keep to.

    Raises:
        NothingFits: no measured model keeps to the limits.
    """
    known = candidates(records, machine, limits.threads)
    if not known:
        raise NothingFits(
            f"no record of this computer has a time with {threads_name(limits.threads)} and an accuracy; "
            "add --data PICTURES"
        )
    fitting = [each for each in known if each.ms <= limits.budget_ms and each.nme_percent <= limits.max_nme_percent]
    if not fitting:
        fastest, best = min(known, key=lambda each: each.ms), known[0]
        raise NothingFits(f"no model keeps to {limits}; the fastest is {fastest}; the most accurate is {best}")
    as_good = [each for each in fitting if each.nme_percent <= fitting[0].nme_interval[1]]
    chosen = min(as_good, key=lambda each: each.ms)
    return Recommendation(chosen, limits, fitting, [each for each in known if each not in fitting])


@dataclass(frozen=True)
class Recommendation:
    """The model to take.

    Attributes:
        fitting: all models within the limits, the most accurate first; `chosen` is one of them.
        dropped: the measured models that are not within them.
    """

    chosen: Candidate
    limits: Limits
    fitting: list[Candidate]
    dropped: list[Candidate]

    def __str__(self) -> str:
        """What to take and why, one sentence a line."""
        chosen, best = self.chosen, self.fitting[0]
        count = len(self.fitting) + len(self.dropped)
        lines = [f"Take {chosen}.", f"Of {count} measured choices, {len(self.fitting)} keep to {self.limits}."]
        if chosen is not best:
            lines.append(
                f"{best.latency.subject} has an NME of {best.nme_percent:.2f} %, which is no measurable difference "
                f"(its 95 % interval ends at {best.nme_interval[1]:.2f} %), and takes {best.ms:.2f} ms."
            )
        lines += [f"Not within the limits: {each}." for each in self.dropped[:5]]
        return "\n".join([*lines, f"Measure again: {chosen.latency.command}"])

    def to_dict(self) -> dict[str, Any]:
        """The same as a table: the chosen model, then all others that were measured."""
        others = [each for each in (*self.fitting, *self.dropped) if each is not self.chosen]
        return {"chosen": self.chosen.to_dict(), "others": [each.to_dict() for each in others]}


def measure_and_recommend(
    paths: Sequence[Path],
    limits: Limits,
    data: Path | None = None,
    *,
    start_bar: StartBar = silent,
    say: Callable[[Record], None] = ignore,
) -> Recommendation:
    """Choose a model for this computer; what is missing for it is measured and appended to the first file.

    Args:
        paths: files of records, which need not exist.
        limits: what the model must keep to.
        data: folder of labelled pictures; without it, accuracy must be in the records.
        start_bar: for progress.
        say: told each new record.

    Raises:
        NothingFits: no measured model keeps to the limits.
        RecordsError: a file is damaged.
    """
    environment = read_environment()
    machine = environment["machine"]
    existing = [path for path in paths if path.exists() and path.stat().st_size]
    records = read_records(existing).records if existing else ()
    suite = missing_suite(records, machine, limits, str(data or ""))
    if suite:
        new = run_suite(suite, paths[0], environment, resume=True, start_bar=start_bar, say=say)
        records = (*records, *new)
    return recommend(records, machine, limits)


def missing_suite(records: Sequence[Record], machine: str, limits: Limits, data: str) -> Suite | None:
    """What must be measured before `recommend` can compare all models of the package.

    Args:
        records: what was measured.
        machine: fingerprint of the computer that the model is for.
        limits: for the number of threads.
        data: folder of labelled pictures; "" measures times only.

    Returns:
        None if nothing is missing.
    """
    entries = tuple(
        ModelEntry(name, ("openvino", "onnxruntime"))
        for name, path in zoo_models().items()
        if read_spec(path).layout == LAYOUT
    )
    if not entries:
        return None
    suite = Suite(
        "recommend", data, entries, measure=("latency", "accuracy") if data else ("latency",), crops=("detected",),
        stages=("network", "frame") if data else ("network",), threads=(limits.threads,),
    )  # fmt: skip
    timed = {
        (r.subject.sha256, r.subject.backend, r.subject.compute)
        for r in records
        if r.kind == "latency" and not r.error and r.machine == machine and r.settings["threads"] == limits.threads
    }
    subjects = [target.subject for target in targets_of(suite)]
    complete = all(
        (s.sha256, s.backend, s.compute) in timed and (not data or _accuracy_of(s, records)) for s in subjects
    )
    return None if complete else suite


def _accuracy_of(subject: Subject, records: Sequence[Record]) -> Record | None:
    """The accuracy of the same file, computed alike, with the crops that say most about use."""
    dataset = main_dataset(records)
    alike = {
        record.settings["crops"]: record
        for record in records
        if record.kind == "accuracy" and not record.error and record.result.get("nme_percent") is not None
        and record.settings["dataset"] == dataset
        and (record.subject.sha256, record.subject.backend, record.subject.compute)
        == (subject.sha256, subject.backend, subject.compute)
    }  # fmt: skip
    return next((alike[crops] for crops in CROPS_BY_USE if crops in alike), None)
