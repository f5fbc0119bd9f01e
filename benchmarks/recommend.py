"""Chooses a model for this machine from its records: the most accurate within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdfl.benchmarks.records import Record, Subject, main_dataset
from sdfl.benchmarks.suite import ModelEntry, Suite, targets_of
from sdfl.errors import SdflError
from sdfl.runtime.zoo import zoo_models

CROPS_BY_WORTH = ("detected", "tracked", "true")


class NothingFits(SdflError):
    """No measured model keeps to the budget; the message says which comes nearest."""


@dataclass(frozen=True)
class Wish:
    """budget_ms: for the median. max_nme_percent: with detected crops. threads: of the CPU."""

    budget_ms: float
    max_nme_percent: float
    threads: int


@dataclass(frozen=True)
class Candidate:
    """stage: what `ms` is the time of. crops: what `nme_percent` was measured on, with its interval."""

    latency: Record
    ms: float
    stage: str
    nme_percent: float
    nme_interval: tuple[float, float]
    crops: str

    def __str__(self) -> str:
        what = "a tracked frame" if self.stage == "frame" else "the network alone"
        return (
            f"{self.latency.subject}: {self.ms:.2f} ms for {what}, p99 {self.latency.result['p99_ms']:.2f} ms, "
            f"NME {self.nme_percent:.2f} % with {self.crops} crops"
        )


def candidates(records: Sequence[Record], machine: str, threads: int) -> list[Candidate]:
    """Own models with a time at batch 1 on `machine` and an accuracy from anywhere, most accurate first."""
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


def recommend(records: Sequence[Record], machine: str, wish: Wish) -> str:
    """What to take and why. Raises NothingFits."""
    known = candidates(records, machine, wish.threads)
    if not known:
        raise NothingFits(
            f"no record of this machine has a time with {wish.threads} thread(s) and an accuracy; add --data PICTURES"
        )
    fitting = [each for each in known if each.ms <= wish.budget_ms and each.nme_percent <= wish.max_nme_percent]
    asked = f"{wish.budget_ms:g} ms, NME {wish.max_nme_percent:g} %, {_threads(wish.threads)}"
    if not fitting:
        fastest, best = min(known, key=lambda each: each.ms), known[0]
        raise NothingFits(f"nothing keeps to {asked}; fastest is {fastest}; most accurate is {best}")
    as_good = [each for each in fitting if each.nme_percent <= fitting[0].nme_interval[1]]
    chosen = min(as_good, key=lambda each: each.ms)
    lines = [f"Take {chosen}.", f"Asked for: {asked}. {len(fitting)} of {len(known)} measured choices keep to it."]
    if chosen is not fitting[0]:
        lines.append(
            f"{fitting[0].latency.subject} has NME {fitting[0].nme_percent:.2f} %, which is no measurable difference "
            f"(its 95 % interval ends at {fitting[0].nme_interval[1]:.2f}), and takes {fitting[0].ms:.2f} ms."
        )
    dropped = [each for each in known if each not in fitting]
    lines += [f"Not within it: {each}." for each in dropped[:5]]
    return "\n".join([*lines, f"Measure again: {chosen.latency.command}"])


def missing_suite(records: Sequence[Record], machine: str, wish: Wish, data: str) -> Suite | None:
    """A suite of the zoo's models that have no time (with `data`: no accuracy) for this wish, None where all have."""
    entries = tuple(ModelEntry(name, ("openvino", "onnxruntime")) for name in zoo_models())
    if not entries:
        return None
    suite = Suite(
        "recommend", data, entries, measure=("latency", "accuracy") if data else ("latency",), crops=("detected",),
        stages=("network", "frame") if data else ("network",), threads=(wish.threads,),
    )  # fmt: skip
    timed = {
        (r.subject.sha256, r.subject.backend, r.subject.compute)
        for r in records
        if r.kind == "latency" and not r.error and r.machine == machine and r.settings["threads"] == wish.threads
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
    return next((alike[crops] for crops in CROPS_BY_WORTH if crops in alike), None)


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"
