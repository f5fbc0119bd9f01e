"""What a lower precision costs, and where: by part of the face, by head turn, by how bad the picture is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sdfl.benchmarks.report.entries import CROPS, Entry, Material, pairs
from sdfl.benchmarks.report.findings import paired_difference

THIRDS = ("frontal third", "middle third", "most turned third")
WORST = (2, -1)  # of the amounts of a disturbance: the middle and the strongest


def subset_rows(material: Material) -> Iterator[list[str]]:
    """(change, subset, pictures, NME of the plain file, of the changed one, cost with interval), in per cent."""
    seen = set()
    for device in material.devices():
        for plain, changed, what in pairs(material.of(device)):
            numbers = (plain.same_numbers, changed.same_numbers)
            if plain.subject.precision != changed.subject.precision and numbers not in seen:
                seen.add(numbers)
                for name, a, b in _subsets(plain, changed):
                    cost = paired_difference(a, b, "nme_percent")
                    if cost:
                        means = [_mean(each, set(a["name"]) & set(b["name"])) for each in (a, b)]
                        value = f"{cost[0]:+.3f} ({cost[1]:+.3f} to {cost[2]:+.3f})"
                        row = [name, str(len(a["name"])), *(f"{mean:.3f}" for mean in means), value]
                        yield [f"{changed.subject.name}: {what}", *row]


def robustness_rows(material: Material) -> Iterator[list[str]]:
    """(model, disturbance, then "amount: NME (failures)" of each amount)."""
    for entry in material.distinct() or material.entries:
        for axis, row in entry.sweep.result["axes"].items() if entry.sweep else ():
            cells = zip(row["amount"], row["nme_percent"], row["failure_8_percent"], strict=True)
            yield [entry.label, axis.replace("_", " "), *(f"{a:g}: {nme:.2f} ({fr:.1f})" for a, nme, fr in cells)]


def _subsets(plain: Entry, changed: Entry) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, and the pictures of both with their errors."""
    for crops in CROPS[:3]:
        a, b = plain.accuracy.get(crops), changed.accuracy.get(crops)
        if a and b and a.settings["dataset"] == b.settings["dataset"]:
            first, second = a.result["pictures"], b.result["pictures"]
            yield f"all, {crops} crops", first, second
            for region in first.get("regions_nme_percent", {}):
                yield region, _region(first, region), _region(second, region)
            yield from _by_turn(first, second)
            break
    if plain.sweep and changed.sweep and plain.sweep.settings["dataset"] == changed.sweep.settings["dataset"]:
        for axis, row in plain.sweep.result["axes"].items():
            other = changed.sweep.result["axes"].get(axis, {})
            if row.get("pictures") and other.get("pictures") and row["amount"] == other["amount"]:
                for at in WORST if axis != "scale" else (0, -1):  # its middle is undisturbed
                    yield f"{axis.replace('_', ' ')} {row['amount'][at]:g}", row["pictures"][at], other["pictures"][at]


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
    pairs_of = zip(pictures["name"], pictures["nme_percent"], strict=True)
    return float(np.mean([value for name, value in pairs_of if name in names and value is not None]))
