"""Compares records with a baseline: times relative to the reference workload, and accuracy.

A record got worse if
- the lower end of its interval lies above the upper end of the baseline's by more than the suite's tolerance,
- its NME rose by more than NME_TOLERANCE or fewer faces were found,
- it failed, or it was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sdfl.benchmarks.records import PROTOCOL, Record, from_json
from sdfl.errors import ConfigError, DataError, SdflError
from sdfl.files import atomic_path, read_text

NME_TOLERANCE = 0.02  # percentage points: another processor sums in another order; the pictures are the same


class RegressionFound(SdflError):
    """At least one record got worse; the message names each."""


@dataclass(frozen=True)
class AccuracyBaseline:
    """Accuracy that must be kept."""

    nme_percent: float | None
    num_found: int


@dataclass(frozen=True)
class Baseline:
    """What records are compared with; a JSON file.

    Attributes:
        cpu: where it was measured.
        tolerance: how much slower still passes, a fraction.
        reference_ratios: by a record's key, the 95 % interval of its time relative to the reference workload.
        accuracies: by a record's key.
        protocol: the PROTOCOL that it was measured with.
    """

    cpu: str
    tolerance: float
    reference_ratios: dict[str, tuple[float, float]] = field(default_factory=dict)
    accuracies: dict[str, AccuracyBaseline] = field(default_factory=dict)
    protocol: int = PROTOCOL

    @property
    def keys(self) -> list[str]:
        """Keys of all records that it holds."""
        return [*self.reference_ratios, *self.accuracies]


def write_baseline(path: Path, records: Sequence[Record], tolerance: float) -> None:
    """Write what `check` compares with.

    Raises:
        ConfigError: a record failed, or there is none; a baseline must not miss what it should hold.
    """
    failed = [record for record in records if record.error]
    if failed or not records:
        reason = f"{failed[0].key} failed ({failed[0].error})" if failed else "nothing was measured"
        raise ConfigError(f"{path}: not written, {reason}")
    baseline = Baseline(
        str(records[0].environment.get("cpu", "")),
        tolerance,
        {r.key: _interval(r) for r in records if r.kind == "latency"},
        {r.key: _accuracy(r) for r in records if r.kind == "accuracy"},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(baseline), indent=2) + b"\n")


def read_baseline(path: Path) -> Baseline:
    """Read a file that `write_baseline` wrote.

    Raises:
        ConfigError: it is missing, damaged or of another protocol; the message names the file and the key.
    """
    try:
        baseline = from_json(Baseline, read_text(path))
    except DataError as error:
        raise ConfigError(f"{error}; make a baseline with --write-baseline") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: is not a baseline ({error}); make it again with --write-baseline") from error
    if isinstance(baseline, int):
        raise ConfigError(
            f"{path}: was measured with protocol {baseline}, this version reads protocol {PROTOCOL}; "
            "make it again with --write-baseline"
        )
    return baseline


def check(baseline: Baseline, records: Sequence[Record]) -> str:
    """Compare records with a baseline.

    Returns:
        One line that says that nothing got worse.

    Raises:
        RegressionFound: names what did.
    """
    by_key = {record.key: record for record in records}
    worse = list(_what_got_worse(baseline, by_key))
    other = next((r.environment.get("cpu") for r in records if r.environment.get("cpu") != baseline.cpu), None)
    note = f" (baseline of {baseline.cpu}, measured on {other})" if other else ""
    count = len(baseline.keys)
    if worse:
        raise RegressionFound(f"{len(worse)} of {count} records got worse{note}: " + "; ".join(worse))
    return f"{count} records compared with the baseline, none got worse{note}"


def _what_got_worse(baseline: Baseline, by_key: dict[str, Record]) -> Iterator[str]:
    for key in baseline.keys:
        record = by_key.get(key)
        if record is None:
            yield f"{key}: was not measured"
        elif record.error:
            yield f"{key}: failed, {record.error}"
        elif key in baseline.reference_ratios:
            yield from _slower(key, baseline.reference_ratios[key], _interval(record), baseline.tolerance)
        else:
            yield from _less_accurate(key, baseline.accuracies[key], _accuracy(record))


def _slower(key: str, old: tuple[float, float], new: tuple[float, float], tolerance: float) -> Iterator[str]:
    allowed = old[1] * (1 + tolerance)
    if new[0] > allowed:
        yield (
            f"{key}: takes {new[0]:.2f} to {new[1]:.2f} times as long as the reference workload, was "
            f"{old[0]:.2f} to {old[1]:.2f} (at most {allowed:.2f})"
        )


def _less_accurate(key: str, old: AccuracyBaseline, new: AccuracyBaseline) -> Iterator[str]:
    if old.nme_percent is not None and (new.nme_percent is None or new.nme_percent > old.nme_percent + NME_TOLERANCE):
        yield f"{key}: NME {new.nme_percent} %, was {old.nme_percent} %"
    elif new.num_found < old.num_found:
        yield f"{key}: found {new.num_found} faces, was {old.num_found}"


def _interval(record: Record) -> tuple[float, float]:
    low, high = record.result["reference_ratio_interval"]
    return low, high


def _accuracy(record: Record) -> AccuracyBaseline:
    return AccuracyBaseline(record.result["nme_percent"], record.result["num_found"])
