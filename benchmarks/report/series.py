"""The numbers of each chart, without saying how they are drawn: the page and the pictures take the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdfl.benchmarks.report.entries import Entry, Material

COLOURS = ("#3f6fb5", "#d07a2d", "#2f8f73", "#a8485c", "#7b62b3", "#8b7340", "#3f9bb8", "#78828f")
AXIS_TITLES = {
    "shift": "shift, share of crop",
    "scale": "scale of the crop",
    "rotation_deg": "roll, degrees",
    "occlusion": "share hidden",
    "blur": "blur, sigma in px of 256",
    "darkness": "share of light missing",
    "compression": "JPEG, 100 - quality",
    "coarseness": "times coarser than 256 px",
}
TURN_BINS = ((0, 5), (5, 10), (10, 20), (20, 30), (30, 1000))
HIDDEN_BINS = ((0, 1), (1, 15), (15, 30), (30, 1000))
MIN_IN_BIN = 5


@dataclass(frozen=True)
class Point:
    """x, y: values; y_interval: its 95 % interval. hover: one line each."""

    label: str
    colour: str
    x: float
    y: float
    y_interval: tuple[float, float]
    peer: bool
    hover: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    label: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]


def colour_of(material: Material, entry: Entry) -> str:
    """The same entry has the same colour in all charts, on every device."""
    labels = list(dict.fromkeys(each.label for each in material.entries))
    return COLOURS[labels.index(entry.label) % len(COLOURS)]


def pareto_points(material: Material, device: str, stage: str, threads: int, column: str) -> list[Point]:
    """NME (column "nme_percent" or "common_nme_percent") against the median time, of every entry that has both."""
    points = []
    for entry in material.of(device):
        time, accuracy = entry.result(stage, threads), entry.accuracy_result()
        if not time or not accuracy or accuracy.get(column) is None:
            continue
        value = accuracy[column]
        low, high = accuracy["nme_percent_interval"] if column == "nme_percent" else (value, value)
        record = entry.latency[stage, threads, 1]
        hover = (
            f"NME {value:.2f} % ({accuracy['crops']} crops)",
            f"p50 {time['p50_ms']:.2f} ms, p90 {time['p90_ms']:.2f}, p99 {time['p99_ms']:.2f}",
            record.command,
        )
        colour = colour_of(material, entry)
        points.append(Point(entry.label, colour, time["p50_ms"], value, (low, high), entry.subject.peer, hover))
    return points


def front(points: Sequence[Point]) -> list[Point]:
    """Those that no other beats in both, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, p.y)):
        if not best or point.y < best[-1].y:
            best.append(point)
    return best


def error_curves(material: Material, column: str = "nme_percent") -> list[Line]:
    """Share of pictures (in percent, missed ones in the total) whose error is at most x percent."""
    lines = []
    grid = np.linspace(0, 15, 151)
    for entry in material.distinct():
        result = entry.accuracy_result()
        if result:
            errors = np.array([np.inf if v is None else v for v in result["pictures"][column]])
            share = [(errors <= limit).mean() * 100 for limit in grid]
            lines.append(
                Line(f"{entry.label}, {result['crops']} crops", colour_of(material, entry), grid.tolist(), share)
            )
    return lines


def sweep_lines(material: Material, axis: str) -> list[Line]:
    """NME in percent against how much a crop is disturbed along `axis`."""
    return [
        Line(entry.label, colour_of(material, entry), row["amount"], row["nme_percent"])
        for entry in material.distinct()
        if entry.sweep and (row := entry.sweep.result["axes"].get(axis))
    ]


def binned_bars(material: Material, column: str, bins: Sequence[tuple[int, int]]) -> tuple[list[str], list[Line]]:
    """Names of the bins of a column of the pictures, and per entry the mean NME in each; NaN for few pictures.

    The NME is that of brows, nose and eyes where it is known, so that peers can be compared.
    """
    names, lines = [_bin_name(low, high) for low, high in bins], []
    for entry in material.distinct():
        result = entry.accuracy_result()
        if not result:
            continue
        pictures = result["pictures"]
        kind = "nme_percent" if result["common_nme_percent"] is None else "common_nme_percent"
        place, errors = _numbers(pictures.get(column, [])), _numbers(pictures[kind])
        if np.isfinite(place).any():
            means = [_mean(errors[(place >= low) & (place < high)]) for low, high in bins]
            label = f"{entry.label}, {result['crops']} crops"
            lines.append(Line(label, colour_of(material, entry), range(len(names)), means))
    return names, lines


def _numbers(values: Sequence[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], float)


def stability_points(material: Material) -> list[Point]:
    """Lag in ms against jitter in percent."""
    points = []
    for entry in material.entries:
        result: dict[str, Any] = entry.video.result if entry.video else {}
        if result.get("jitter_percent") is None or result.get("lag_ms") is None:
            continue
        jitter = result["jitter_percent"]
        hover = (
            f"jitter {jitter:.2f} %",
            f"lag {result['lag_ms']:.0f} ms",
            f"motion error {result['motion_error_percent']:.2f} %",
        )
        colour = colour_of(material, entry)
        points.append(Point(entry.label, colour, result["lag_ms"], jitter, (jitter, jitter), entry.subject.peer, hover))
    return points


def _bin_name(low: int, high: int) -> str:
    return f"{low}–{high} %" if high < 1000 else f"over {low} %"


def _mean(values: Any) -> float:
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) >= MIN_IN_BIN else float("nan")
