"""The numbers of each chart, without saying how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.benchmarks.report.data import Entry, ReportData
from sdfl.benchmarks.report.names import CROPS
from sdfl.benchmarks.report.theme import SERIES

AXIS_TITLES = {
    "shift": "shift, share of the crop's side",
    "scale": "scale of the crop",
    "rotation_deg": "roll, degrees",
    "occlusion": "share of the face hidden",
    "blur": "blur, sigma in px at 256 px",
    "darkness": "share of the light missing",
    "compression": "100 - JPEG quality",
    "coarseness": "reduction of the resolution, times",
}
TURN_BINS = ((0, 5), (5, 10), (10, 20), (20, 30), (30, 1000))
HIDDEN_BINS = ((0, 1), (1, 15), (15, 30), (30, 1000))
MIN_IN_BIN = 5
CURVE_PERCENT = np.linspace(0, 15, 151)


@dataclass(frozen=True)
class Point:
    """One model in a scatter chart.

    Attributes:
        y_interval: 95 % interval of y; (y, y) where none is known.
        peer: whether it is another project's model.
        details: name -> text, for hover text; the same names for all points of a chart.
    """

    label: str
    colour: str
    x: float
    y: float
    y_interval: tuple[float, float]
    peer: bool
    details: dict[str, str]


@dataclass(frozen=True)
class Line:
    """One model in a line chart, or in bars of bins: x and y have the same length."""

    label: str
    colour: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True)
class Bar:
    """One model in a bar chart.

    Attributes:
        value: length of the bar.
        marks: name -> further values, such as percentiles or parts of the bar.
    """

    label: str
    colour: str
    value: float
    marks: dict[str, float]


def colour_of(data: ReportData, entry: Entry) -> str:
    """The colour of an entry: the same in all charts and on every device."""
    labels = list(dict.fromkeys(each.label for each in data.entries))
    return SERIES[labels.index(entry.label) % len(SERIES)]


def pareto_points(data: ReportData, device: str, stage: str, threads: int, column: str) -> list[Point]:
    """NME against the median time, of every entry of a device that has both.

    Args:
        data: of the report.
        device: a name of `data.devices()`.
        stage: "network" or "frame".
        threads: of the CPU.
        column: "nme_percent", or "common_nme_percent" for the points that all models have in common.
    """
    points = []
    for entry in data.of(device):
        time, accuracy = entry.result(stage, threads), entry.accuracy_result()
        if not time or not accuracy or accuracy.get(column) is None:
            continue
        value = accuracy[column]
        low, high = accuracy["nme_percent_interval"] if column == "nme_percent" else (value, value)
        details = {
            "NME": f"{value:.2f} % with {CROPS[accuracy['crops']]}",
            "median": f"{time['p50_ms']:.2f} ms",
            "p90 and p99": f"{time['p90_ms']:.2f} and {time['p99_ms']:.2f} ms",
            "command": entry.latency[stage, threads, 1].command,
        }
        colour = colour_of(data, entry)
        points.append(Point(entry.label, colour, time["p50_ms"], value, (low, high), entry.subject.peer, details))
    return points


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats in both x and y, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, p.y)):
        if not best or point.y < best[-1].y:
            best.append(point)
    return best


def latency_bars(data: ReportData, device: str, stage: str, threads: int) -> list[Bar]:
    """Median, 90th and 99th percentile in ms, at batch 1."""
    timed = [(entry, r) for entry in data.of(device) if (r := entry.result(stage, threads))]
    return [
        Bar(entry.label, colour_of(data, entry), r["p50_ms"], {"p90": r["p90_ms"], "p99": r["p99_ms"]})
        for entry, r in timed
    ]


MEMORY_PARTS = ("before loading", "with the model")


def memory_bars(data: ReportData, device: str) -> list[Bar]:
    """Peak resident memory of a fresh process in MB, in two parts: before and after the model was opened."""
    bars = []
    for entry in data.of(device):
        result = next((r.result for r in entry.latency.values() if r.result.get("peak_rss_mb")), None)
        if result:
            before = result.get("rss_before_mb", 0)
            parts = dict(zip(MEMORY_PARTS, (before, result["peak_rss_mb"] - before), strict=True))
            bars.append(Bar(entry.label, colour_of(data, entry), result["peak_rss_mb"], parts))
    return bars


def error_curves(data: ReportData) -> list[Line]:
    """Share of the pictures, in percent, whose NME is at most x percent; missed faces are counted among all."""
    drawn = []
    for entry in data.distinct():
        result = entry.accuracy_result()
        if result:
            errors = _numbers(result["pictures"]["nme_percent"])
            shares = [float((errors <= limit).mean() * 100) for limit in CURVE_PERCENT]
            label = f"{entry.label}, {CROPS[result['crops']]}"
            drawn.append(Line(label, colour_of(data, entry), CURVE_PERCENT.round(1).tolist(), shares))
    return drawn


def sweep_lines(data: ReportData, axis: str) -> list[Line]:
    """NME in percent against how much a crop is disturbed along `axis`."""
    return [
        Line(entry.label, colour_of(data, entry), row["amount"], row["nme_percent"])
        for entry in data.distinct()
        if entry.sweep and (row := entry.sweep.result["axes"].get(axis))
    ]


def binned_lines(data: ReportData, column: str, bins: Sequence[tuple[int, int]]) -> tuple[list[str], list[Line]]:
    """Mean NME of each entry in bins of the pictures.

    Args:
        data: of the report.
        column: of the pictures, such as "turn_percent".
        bins: lower and upper end of each.

    Returns:
        Names of the bins, and one line for each entry; NaN in bins of fewer than MIN_IN_BIN pictures. The NME is that
        of brows, nose and eyes where it is known, so that other projects' models can be compared.
    """
    names, drawn = [_bin_name(low, high) for low, high in bins], []
    for entry in data.distinct():
        result = entry.accuracy_result()
        if not result:
            continue
        pictures = result["pictures"]
        kind = "nme_percent" if result["common_nme_percent"] is None else "common_nme_percent"
        place, errors = _numbers(pictures.get(column, [])), _numbers(pictures[kind])
        if np.isfinite(place).any():
            means = [_mean(errors[(place >= low) & (place < high)]) for low, high in bins]
            label = f"{entry.label}, {CROPS[result['crops']]}"
            drawn.append(Line(label, colour_of(data, entry), range(len(names)), means))
    return names, drawn


def stability_points(data: ReportData) -> list[Point]:
    """Jitter in percent of the inter-ocular distance against lag in ms."""
    points = []
    for entry in data.entries:
        result: dict[str, Any] = entry.video.result if entry.video else {}
        if result.get("jitter_percent") is None or result.get("lag_ms") is None:
            continue
        jitter = result["jitter_percent"]
        details = {
            "jitter": f"{jitter:.2f} %",
            "lag": f"{result['lag_ms']:.0f} ms",
            "error in motion": f"{result['motion_error_percent']:.2f} %",
        }
        colour = colour_of(data, entry)
        points.append(
            Point(entry.label, colour, result["lag_ms"], jitter, (jitter, jitter), entry.subject.peer, details)
        )
    return points


def _numbers(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _bin_name(low: int, high: int) -> str:
    return f"{low}–{high} %" if high < 1000 else f"over {low} %"


def _mean(values: npt.NDArray[np.float64]) -> float:
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) >= MIN_IN_BIN else float("nan")
