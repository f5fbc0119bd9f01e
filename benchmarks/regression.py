"""Holds records against a baseline: times in yardsticks and accuracy in points, so that another day's load is no alarm.

A record is worse when even the lower end of its interval lies above the upper end of the baseline's, by more than the
suite's tolerance; or when its NME rose by more than NME_TOLERANCE; or when it failed or is missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.benchmarks.records import PROTOCOL, Record
from sdfl.errors import ConfigError, SdflError
from sdfl.files import atomic_path

NME_TOLERANCE = 0.02  # points: another processor sums in another order; nothing else changes on the same pictures


class RegressionFound(SdflError):
    """At least one record got worse; the message names each."""


@dataclass(frozen=True)
class Baseline:
    """entries: key -> {"yardsticks_interval": [low, high]} or {"nme_percent": value}. cpu: where it was measured."""

    cpu: str
    tolerance: float
    entries: dict[str, dict[str, Any]]


def write_baseline(path: Path, records: Sequence[Record], tolerance: float) -> None:
    """Raises ConfigError where a record failed: a baseline must not forget what it should have held."""
    failed = [record for record in records if record.error]
    if failed or not records:
        reason = f"{failed[0].key} failed ({failed[0].error})" if failed else "nothing was measured"
        raise ConfigError(f"{path}: not written, {reason}")
    entries = {record.key: kept for record in records if (kept := _kept(record))}
    table = {
        "protocol": PROTOCOL,
        "cpu": records[0].environment.get("cpu", ""),
        "tolerance": tolerance,
        "entries": entries,
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def read_baseline(path: Path) -> Baseline:
    """Raises ConfigError for a missing, damaged or outdated file."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        protocol = table["protocol"]
        baseline = Baseline(table["cpu"], float(table["tolerance"]), dict(table["entries"]))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); make it with --write-baseline") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: is not a baseline; make it anew with --write-baseline") from error
    if protocol != PROTOCOL:
        raise ConfigError(f"{path}: was measured by protocol {protocol}, this is {PROTOCOL}; make it anew")
    return baseline


def check(baseline: Baseline, records: Sequence[Record]) -> str:
    """One line that says that nothing got worse. Raises RegressionFound that names what did."""
    by_key = {record.key: record for record in records}
    worse = [reason for key, old in baseline.entries.items() if (reason := _judge(key, old, by_key, baseline))]
    other = next((r.environment.get("cpu") for r in records if r.environment.get("cpu") != baseline.cpu), None)
    note = f" (baseline of {baseline.cpu}, measured on {other})" if other else ""
    if worse:
        raise RegressionFound(f"{len(worse)} of {len(baseline.entries)} records got worse{note}: " + "; ".join(worse))
    return f"{len(baseline.entries)} records compared with the baseline, none got worse{note}"


def _kept(record: Record) -> dict[str, Any]:
    if record.kind == "latency":
        return {"yardsticks_interval": record.result["yardsticks_interval"]}
    if record.kind == "accuracy":
        return {name: record.result[name] for name in ("nme_percent", "num_found")}
    return {}


def _judge(key: str, old: dict[str, Any], by_key: dict[str, Record], baseline: Baseline) -> str:
    """Why a record is worse, "" where it is not."""
    record = by_key.get(key)
    if record is None:
        return f"{key}: was not measured"
    if record.error:
        return f"{key}: failed, {record.error}"
    if "yardsticks_interval" in old:
        return _judge_time(key, old["yardsticks_interval"], record.result["yardsticks_interval"], baseline.tolerance)
    new_nme, old_nme = record.result["nme_percent"], old["nme_percent"]
    if new_nme is None or new_nme > old_nme + NME_TOLERANCE:
        return f"{key}: NME {new_nme} %, was {old_nme} %"
    if record.result["num_found"] < old["num_found"]:
        return f"{key}: found {record.result['num_found']} faces, was {old['num_found']}"
    return ""


def _judge_time(key: str, old: list[float], new: list[float], tolerance: float) -> str:
    allowed = old[1] * (1 + tolerance)
    if new[0] <= allowed:
        return ""
    return f"{key}: {new[0]:.2f} to {new[1]:.2f} yardsticks, was {old[0]:.2f} to {old[1]:.2f} (at most {allowed:.2f})"
