"""What a lower precision costs, and where: by part of the face, by head turn, by how bad the picture is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sdfl.benchmarks.records import CROPS_BY_USE
from sdfl.benchmarks.report.comparison import paired_difference, signed
from sdfl.benchmarks.report.data import Entry, ReportData, changes
from sdfl.benchmarks.report.names import AXES, CROPS

THIRDS = ("frontal third", "middle third", "most turned third")
WORST = (2, -1)  # of the amounts of a disturbance: the middle and the strongest


def subset_rows(data: ReportData) -> Iterator[list[str]]:
    """Rows of the cost of lower precisions by subset.

    Yields:
        Change, subset, number of pictures, NME before, NME after, and the difference with its interval; all in per cent
        or percentage points.
    """
    seen = set()
    for device in data.devices():
        for change in changes(data.of(device)):
            plain, changed = change.before, change.after
            numbers = (plain.same_numbers, changed.same_numbers)
            if plain.subject.precision != changed.subject.precision and numbers not in seen:
                seen.add(numbers)
                for name, a, b in _subsets(plain, changed):
                    cost = paired_difference(a, b, "nme_percent")
                    if cost:
                        means = [_mean(each, set(a["name"]) & set(b["name"])) for each in (a, b)]
                        value = f"{signed(cost[0])} ({signed(cost[1])} to {signed(cost[2])})"
                        yield [change.title, name, str(len(a["name"])), *(f"{mean:.3f}" for mean in means), value]


def robustness_rows(data: ReportData) -> Iterator[list[str]]:
    """Rows of the errors on disturbed crops.

    Yields:
        Model, disturbance, then "amount: NME (failure rate)" of each amount.
    """
    for entry in data.distinct() or data.entries:
        for axis, row in entry.sweep.result["axes"].items() if entry.sweep else ():
            cells = zip(row["amount"], row["nme_percent"], row["failure_8_percent"], strict=True)
            yield [entry.label, AXES.get(axis, axis), *(f"{a:g}: {nme:.2f} ({fr:.1f})" for a, nme, fr in cells)]


def _subsets(plain: Entry, changed: Entry) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, and the pictures of both with their errors."""
    for crops in CROPS_BY_USE[:3]:
        a, b = plain.accuracy.get(crops), changed.accuracy.get(crops)
        if a and b and a.settings["dataset"] == b.settings["dataset"]:
            first, second = a.result["pictures"], b.result["pictures"]
            yield f"all, {CROPS[crops]}", first, second
            for region in first.get("regions_nme_percent", {}):
                yield region, _region(first, region), _region(second, region)
            yield from _by_turn(first, second)
            break
    if plain.sweep and changed.sweep and plain.sweep.settings["dataset"] == changed.sweep.settings["dataset"]:
        for axis, row in plain.sweep.result["axes"].items():
            other = changed.sweep.result["axes"].get(axis, {})
            if row.get("pictures") and other.get("pictures") and row["amount"] == other["amount"]:
                for at in WORST if axis != "scale" else (0, -1):  # its middle is undisturbed
                    yield f"{AXES.get(axis, axis)} {row['amount'][at]:g}", row["pictures"][at], other["pictures"][at]


def _region(pictures: dict[str, Any], region: str) -> dict[str, Any]:
    values = pictures.get("regions_nme_percent", {}).get(region, [None] * len(pictures["name"]))
    return {"name": pictures["name"], "nme_percent": values}


def _by_turn(first: dict[str, Any], second: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    turn = np.asarray(first["turn_percent"], float)
    bounds = np.quantile(turn, (1 / 3, 2 / 3))
    third = np.searchsorted(bounds, turn, side="right")
    for number, name in enumerate(THIRDS):
        kept = np.flatnonzero(third == number)
        part = {key: [first[key][i] for i in kept] for key in ("name", "nme_percent")}
        if len(kept):
            yield name, part, second


def _mean(pictures: dict[str, Any], names: set[str]) -> float:
    pairs = zip(pictures["name"], pictures["nme_percent"], strict=True)
    return float(np.mean([value for name, value in pairs if name in names and value is not None]))
