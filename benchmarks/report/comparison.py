"""Differences between two entries, each with its 95 % interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdfl.benchmarks.intervals import mean_interval, median_interval
from sdfl.benchmarks.records import CROPS_BY_USE
from sdfl.benchmarks.report.data import Entry

Interval = tuple[float, float, float]  # value, low, high
NEGLIGIBLE_POINTS = 0.005


def speed_ratio(slow: Entry, fast: Entry, stage: str, threads: int = 1, batch: int = 1) -> Interval | None:
    """How many times as fast `fast` is.

    Returns:
        The median over the rounds, which both took in turns; None if they did not run in turns.
    """
    return rounds_ratio(slow.result(stage, threads, batch), fast.result(stage, threads, batch))


def rounds_ratio(a: dict[str, Any] | None, b: dict[str, Any] | None, key: str = "round_p10_ms") -> Interval | None:
    """The median over rounds of a[key] / b[key]; None if the two results did not run in turns."""
    if not a or not b or not a.get(key) or a["interleaved"] != b.get("interleaved"):
        return None
    ratios = np.asarray(a[key]) / np.asarray(b[key])
    return (float(np.median(ratios)), *median_interval(ratios))


def cpu_ratio(entry: Entry, peer: Entry) -> Interval | None:
    """CPU time of a tracked frame as a share of that of `peer`; None if the two did not run in turns."""
    a, b = (each.video.result if each.video else None for each in (entry, peer))
    return rounds_ratio(a, b, "round_p10_cpu_ms")


def accuracy_cost(plain: Entry, changed: Entry, column: str = "nme_percent") -> Interval | None:
    """Percentage points of NME that `changed` adds.

    Returns:
        The mean over the pictures in which both found the face, with the crops of CROPS_BY_USE that come first; None
        if the two were not measured on the same pictures.
    """
    for crops in CROPS_BY_USE[:3]:
        a, b = plain.accuracy.get(crops), changed.accuracy.get(crops)
        if a and b and a.settings["dataset"] == b.settings["dataset"]:
            return paired_difference(a.result["pictures"], b.result["pictures"], column)
    return None


def paired_difference(a: dict[str, Any], b: dict[str, Any], column: str) -> Interval | None:
    """Mean of b - a over pictures of the same name that have a value in both; None if there are none.

    Args:
        a: a table of pictures: "name" and `column` are lists of the same length.
        b: likewise.
        column: the values to compare; None stands for a missed face.
    """
    first = dict(zip(a["name"], a[column], strict=True))
    gaps = [
        value - first[name]
        for name, value in zip(b["name"], b[column], strict=True)
        if value is not None and first.get(name) is not None
    ]
    return (float(np.mean(gaps)), *mean_interval(np.asarray(gaps))) if gaps else None


def is_within_error(ratio: Interval | None) -> bool:
    """Whether 1 lies in the interval of a ratio, so that no difference was measured."""
    return ratio is not None and ratio[1] <= 1 <= ratio[2]


def speed_words(ratio: Interval) -> str:
    """A ratio of speeds: "is 2.00 times as fast as", "takes 2.00 times as long as", or that no difference was seen."""
    if is_within_error(ratio):
        return "is neither measurably faster nor slower than"
    return f"is {ratio[0]:.2f} times as fast as" if ratio[0] > 1 else f"takes {1 / ratio[0]:.2f} times as long as"


def speed_change_words(ratio: Interval) -> str:
    """What a change does to the speed of the network, as the rest of a sentence that begins with the change."""
    if is_within_error(ratio):
        return "makes no measurable difference to the speed of the network"
    speed = f"{ratio[0]:.2f} times as fast" if ratio[0] > 1 else f"take {1 / ratio[0]:.2f} times as long"
    return f"makes the network {speed}"


def signed(points: float) -> str:
    """Points with their sign: "+0.030"; a value that rounds to zero is "+0.000"."""
    return f"{round(points, 3) + 0.0:+.3f}"


def cost_words(cost: Interval) -> str:
    """What a change does to the NME, as the rest of a sentence that begins with the change."""
    value, low, high = cost
    if abs(value) < NEGLIGIBLE_POINTS and max(abs(low), abs(high)) < 3 * NEGLIGIBLE_POINTS:
        return f"changes the NME by less than {NEGLIGIBLE_POINTS} percentage points"
    if low <= 0 <= high:
        return (
            f"makes no measurable difference to the NME ({signed(value)} percentage points, "
            f"95 % interval {signed(low)} to {signed(high)})"
        )
    verb = "raises" if value > 0 else "lowers"
    least, most = sorted((abs(low), abs(high)))
    return f"{verb} the NME by {abs(value):.2f} percentage points (95 % interval {least:.2f} to {most:.2f})"
