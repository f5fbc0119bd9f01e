"""Which charts a report has: title, protocol, numbers, and a note on how to read each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from sdfl.benchmarks.records import threads_name
from sdfl.benchmarks.report import drawing, series
from sdfl.benchmarks.report.data import ReportData, caption, threads_of
from sdfl.benchmarks.report.names import STAGES
from sdfl.benchmarks.report.theme import NEUTRAL, SERIES

BIN_NOTE = "Bins with fewer than five found faces stay empty."


@dataclass(frozen=True)
class Chart:
    """One chart of the page, and one picture file in each format.

    Attributes:
        name: of the picture files, without their ending.
        subtitle: device, dataset, crops and protocol.
        body: the Altair chart, without a title.
        note: how to read it, "" where that is plain.
    """

    name: str
    title: str
    subtitle: str
    body: Any
    note: str = ""

    def spec(self) -> dict[str, Any]:
        """The chart in Vega-Lite, without its title."""
        return dict(self.body.to_dict())

    def titled_spec(self) -> dict[str, Any]:
        """The chart in Vega-Lite as it stands alone, in a document."""
        return dict(self.body.properties(title=alt.TitleParams(self.title, subtitle=self.subtitle)).to_dict())


def all_charts(data: ReportData) -> Iterator[Chart]:
    """Every chart that has data, in the order of the page."""
    devices = data.devices()
    for number, device in enumerate(devices, start=1):
        ending = f"-{number}" if len(devices) > 1 else ""
        for threads in threads_of(data.of(device))[:1]:
            yield from pareto(data, device, threads, ending)
            yield from comparison(data, device, threads, ending)
            yield from latency(data, device, threads, ending)
        yield from memory(data, device, ending)
    for make in (error_curves, sweep, pose, occlusion, stability):
        yield from make(data)


def pareto(data: ReportData, device: str, threads: int, ending: str) -> Iterator[Chart]:
    """The project's own models: accuracy against the time of the network alone."""
    points = series.pareto_points(data, device, "network", threads, "nme_percent")
    own = [point for point in points if not point.peer]
    if own:
        note = (
            "Lower and further left is better. The dotted line joins the models that no other model beats in both. "
            "Bars are 95 % intervals. Hover over a mark to see the command that repeats the measurement."
        )
        body = drawing.scatter(own, series.front(own), "network alone, median, ms", "NME, %")
        subtitle = caption(device, data.dataset, "detected crops", threads_name(threads), "batch 1")
        yield Chart(f"pareto{ending}", "Accuracy against latency", subtitle, body, note)


def comparison(data: ReportData, device: str, threads: int, ending: str) -> Iterator[Chart]:
    """Whole frames and the points in common, where other projects' models were measured."""
    points = series.pareto_points(data, device, "frame", threads, "common_nme_percent")
    if any(point.peer for point in points):
        note = (
            "The time is that of a frame with one tracked face, from the picture to its points. The NME is that of the "
            "31 points of brows, nose and eyes, which mean the same in all models. Squares are other projects' models."
        )
        body = drawing.scatter(points, series.front(points), "tracked frame, median, ms", "NME of 31 points, %")
        crops = "detected crops, other models with their own detector"
        subtitle = caption(device, data.dataset, crops, threads_name(threads))
        yield Chart(f"peers{ending}", "Comparison with other models", subtitle, body, note)


def latency(data: ReportData, device: str, threads: int, ending: str) -> Iterator[Chart]:
    """Medians as bars, p90 and p99 as marks."""
    files = {"network": f"latency{ending}", "frame": f"latency-frame{ending}"}
    for stage, file in files.items():
        bars = series.latency_bars(data, device, stage, threads)
        if bars:
            subtitle = caption(device, threads_name(threads), "batch 1")
            body = drawing.percentile_bars(bars, "ms (bar: median)")
            yield Chart(file, f"Latency: {STAGES[stage]}", subtitle, body)


def memory(data: ReportData, device: str, ending: str) -> Iterator[Chart]:
    """Peak resident memory of a fresh process after its first inference."""
    bars = series.memory_bars(data, device)
    if bars:
        body = drawing.stacked_bars(bars, (NEUTRAL, SERIES[0]), "MB", "MB")
        yield Chart(
            f"memory{ending}", "Memory", caption(device, "peak resident memory after the first inference"), body
        )


def error_curves(data: ReportData) -> Iterator[Chart]:
    """Cumulative error distribution."""
    drawn = series.error_curves(data)
    if drawn:
        body = drawing.lines(drawn, "NME, %", "pictures with at most this NME, %")
        subtitle = caption(data.measured_on(), data.dataset, "a missed face counts as a failure")
        yield Chart("errors", "Cumulative error", subtitle, body, "Higher and further left is better.")


def sweep(data: ReportData) -> Iterator[Chart]:
    """One small chart an axis of disturbance."""
    small = [
        drawing.lines(drawn, title, "NME, %", small=True)
        for axis, title in series.AXIS_TITLES.items()
        if (drawn := series.sweep_lines(data, axis))
    ]
    if small:
        note = (
            "What an inaccurate detector, a tilted head, a hidden part of the face (covered with the mean colour) or a "
            "bad picture does to the error."
        )
        subtitle = caption(data.measured_on(), data.dataset, "disturbed ground-truth crops")
        body = drawing.side_by_side(small)
        yield Chart("robustness", "Robustness to crop and picture quality", subtitle, body, note)


def pose(data: ReportData) -> Iterator[Chart]:
    """Error by head turn."""
    note = (
        "The turn is the offset of the nose tip from the middle of the eyes, in percent of the distance of the eyes; a "
        f"frontal face has 0. {BIN_NOTE}"
    )
    chart = ("pose", "Error against head turn", "turn of the head, %", note)
    yield from _binned(data, "turn_percent", series.TURN_BINS, chart)


def occlusion(data: ReportData) -> Iterator[Chart]:
    """Error by the share of hidden points."""
    note = "From labels that say which points are hidden. " + BIN_NOTE
    chart = ("occlusion", "Error against occlusion", "hidden points, %", note)
    yield from _binned(data, "hidden_percent", series.HIDDEN_BINS, chart)


def _binned(
    data: ReportData, column: str, bins: Sequence[tuple[int, int]], chart: tuple[str, str, str, str]
) -> Iterator[Chart]:
    """chart: name, title, title of the x axis, note."""
    name, title, x_title, note = chart
    names, drawn = series.binned_lines(data, column, bins)
    if drawn:
        body = drawing.grouped_bars(names, drawn, x_title, "NME of brows, nose and eyes, %")
        yield Chart(name, title, caption(data.measured_on(), data.dataset), body, note)


def stability(data: ReportData) -> Iterator[Chart]:
    """Jitter on a face at rest against lag on a moving one."""
    points = series.stability_points(data)
    if points:
        note = (
            "Lower and further left is better; smoothing trades one for the other. An error that stays the same in all "
            "frames counts in neither."
        )
        subtitle = caption("synthetic clips from stills", "30 frames/s", "noise with sigma 6")
        body = drawing.scatter(points, (), "lag, ms", "jitter, % of the inter-ocular distance")
        yield Chart("stability", "Jitter against lag", subtitle, body, note)
