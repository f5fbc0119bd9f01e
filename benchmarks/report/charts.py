"""The page's charts, in Plotly. Colours of paper, ink and grid are left to the page, which knows light from dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go  # type: ignore[import-untyped]
from plotly.subplots import make_subplots  # type: ignore[import-untyped]

from sdfl.benchmarks.report import series
from sdfl.benchmarks.report.entries import Entry, Material, threads_of

HEIGHT = 420


@dataclass(frozen=True)
class Chart:
    """subtitle: device, protocol, crops. note: how to read it, "" where that is plain."""

    title: str
    subtitle: str
    figure: Any
    note: str = ""


def all_charts(material: Material) -> Iterator[Chart]:
    """In the order of the page; those without any data are left out."""
    for device in material.devices():
        entries = material.of(device)
        threads = threads_of(entries)[:1]
        for count in threads:
            yield from pareto(material, device, count)
            yield from latency(material, device, count)
        yield from memory(material, device)
    yield from (chart for make in (error_curves, sweep, pose, occlusion, stability) for chart in make(material))


def pareto(material: Material, device: str, threads: int) -> Iterator[Chart]:
    """Own models by their bare network; and, where peers were measured, whole frames on the points in common."""
    words = (device, material.dataset, "detected crops", _threads(threads), "batch 1")
    points = [p for p in series.pareto_points(material, device, "network", threads, "nme_percent") if not p.peer]
    if points:
        note = (
            "Down and left is better. The line joins the models that none beats in both. Bars are 95 % intervals. "
            "Point at a mark to see the command that measures it again."
        )
        figure = scatter(points, "network, median ms", "NME, %", front=True)
        yield Chart("Accuracy against latency", material.protocol(*words), figure, note)
    points = series.pareto_points(material, device, "frame", threads, "common_nme_percent")
    if any(point.peer for point in points):
        note = (
            "A frame with one tracked face, from picture to points. NME over the 31 points of brows, nose and eyes, "
            "which mean the same to all; squares are peers."
        )
        figure = scatter(points, "one tracked face, median ms a frame", "NME of 31 points, %", front=True)
        subtitle = material.protocol(device, material.dataset, "detected crops, peers their own", _threads(threads))
        yield Chart("Beside other models", subtitle, figure, note)


def latency(material: Material, device: str, threads: int) -> Iterator[Chart]:
    """Medians as bars, p90 and p99 as marks."""
    names = {"network": "bare network", "frame": "frame with one tracked face"}
    for stage, name in names.items():
        timed = [(entry, r) for entry in material.of(device) if (r := entry.result(stage, threads))]
        if not timed:
            continue
        labels = [entry.label for entry, _ in timed]
        figure = go.Figure(_bars(timed, labels, "p50_ms", material))
        for key, symbol in (("p90_ms", "line-ns-open"), ("p99_ms", "x-thin-open")):
            marks = {"symbol": symbol, "size": 11, "color": "#78828f", "line": {"width": 2}}
            values = [result[key] for _, result in timed]
            hover = "%{y}<br>" + key[:3] + " %{x:.2f} ms<extra></extra>"
            figure.add_scatter(x=values, y=labels, mode="markers", marker=marks, name=key[:3], hovertemplate=hover)
        figure.update_layout(xaxis_title="ms", height=_bar_height(labels), yaxis_autorange="reversed")
        yield Chart(f"Latency of the {name}", material.protocol(device, _threads(threads), "batch 1"), _plain(figure))


def _bars(timed: Sequence[tuple[Entry, dict[str, Any]]], labels: Sequence[str], key: str, material: Material) -> Any:
    return go.Bar(
        x=[result[key] for _, result in timed],
        y=labels,
        orientation="h",
        marker_color=[series.colour_of(material, entry) for entry, _ in timed],
        width=0.55,
        name="p50",
        showlegend=False,
        hovertemplate="%{y}<br>p50 %{x:.2f} ms<extra></extra>",
    )


def memory(material: Material, device: str) -> Iterator[Chart]:
    """Peak resident memory of a fresh process after the first run: before the model was opened, and with it."""
    known = []
    for entry in material.of(device):
        result: dict[str, Any] = next((r.result for r in entry.latency.values() if r.result.get("peak_rss_mb")), {})
        if result:
            known.append((entry, result))
    if not known:
        return
    labels = [entry.label for entry, _ in known]
    before = [result.get("rss_before_mb", 0) for _, result in known]
    added = [result["peak_rss_mb"] - first for (_, result), first in zip(known, before, strict=True)]
    hover = "%{y}<br>%{x:.0f} MB<extra>%{fullData.name}</extra>"
    bar: dict[str, Any] = {"y": labels, "orientation": "h", "width": 0.55, "hovertemplate": hover}
    figure = go.Figure()
    figure.add_bar(x=before, name="before the model is opened", marker_color="#9aa3ad", **bar)
    figure.add_bar(x=added, name="with the model, after its first run", marker_color=series.COLOURS[0], **bar)
    figure.update_layout(barmode="stack", xaxis_title="MB", height=_bar_height(labels), yaxis_autorange="reversed")
    yield Chart("Memory", material.protocol(device, "peak resident memory of a fresh process"), _plain(figure))


def error_curves(material: Material) -> Iterator[Chart]:
    lines = series.error_curves(material)
    if lines:
        figure = line_chart(lines, "NME at most, %", "pictures, %")
        subtitle = material.protocol(
            material.measured_on(), material.dataset, "crops in the legend", "missed faces in the total"
        )
        yield Chart("Cumulative error", subtitle, figure, "Higher and further left is better.")


def sweep(material: Material) -> Iterator[Chart]:
    """One small chart an axis of disturbance."""
    axes = {axis: lines for axis in series.AXIS_TITLES if (lines := series.sweep_lines(material, axis))}
    if not axes:
        return
    titles = [series.AXIS_TITLES[axis] for axis in axes]
    rows = (len(axes) + 1) // 2
    figure = make_subplots(rows=rows, cols=2, vertical_spacing=0.48 / rows, horizontal_spacing=0.11)
    for number, lines in enumerate(axes.values()):
        row, column = number // 2 + 1, number % 2 + 1
        for trace in _lines(lines):
            figure.add_trace(trace.update(showlegend=number == 0, legendgroup=trace.name), row=row, col=column)
        figure.update_xaxes(title_text=titles[number], row=row, col=column)
        figure.update_yaxes(rangemode="tozero", title_text="NME, %" if column == 1 else "", row=row, col=column)
    figure.update_layout(height=310 * rows)
    subtitle = material.protocol(material.measured_on(), material.dataset, "true crops, disturbed")
    note = (
        "What a careless detector, a tilted head, a hand before the face (of the mean colour) or a bad picture costs."
    )
    yield Chart("Robustness to crop and picture", subtitle, _plain(figure), note)


def pose(material: Material) -> Iterator[Chart]:
    note = (
        "Turn: how far the nose tip lies off the middle of the eyes, in percent of their distance; 0 is frontal. "
        "Bins with fewer than five found faces stay empty."
    )
    yield from _binned(
        material, "Error against head turn", "turn_percent", series.TURN_BINS, "turn of the head, %", note
    )


def occlusion(material: Material) -> Iterator[Chart]:
    note = "By the labels, where they say which points are covered. Bins with fewer than five found faces stay empty."
    yield from _binned(
        material, "Error against occlusion", "hidden_percent", series.HIDDEN_BINS, "points hidden, %", note
    )


def _binned(
    material: Material, title: str, column: str, bins: Sequence[tuple[int, int]], x_title: str, note: str
) -> Iterator[Chart]:
    names, lines = series.binned_bars(material, column, bins)
    if lines:
        hover = "%{x}<br>NME %{y:.2f} %<extra>%{fullData.name}</extra>"
        figure = go.Figure()
        for line in lines:
            figure.add_bar(x=names, y=line.y, name=line.label, marker_color=line.colour, hovertemplate=hover)
        figure.update_layout(xaxis_title=x_title, yaxis_title="NME of brows, nose, eyes, %")
        subtitle = material.protocol(material.measured_on(), material.dataset, "crops in the legend")
        yield Chart(title, subtitle, _plain(figure), note)


def stability(material: Material) -> Iterator[Chart]:
    points = series.stability_points(material)
    if points:
        subtitle = material.protocol("clips from stills", "30 frames/s", "noise sigma 6")
        note = "Down and left is better; smoothing trades one for the other. A constant error counts in neither."
        figure = scatter(points, "lag, ms", "jitter, % of inter-ocular", front=False)
        yield Chart("Jitter against lag", subtitle, figure, note)


def scatter(points: Sequence[series.Point], x_title: str, y_title: str, *, front: bool) -> Any:
    """One mark an entry, and the front."""
    figure = go.Figure()
    best = series.front(points) if front else []
    if len(best) > 1:
        line = {"color": "#9aa3ad", "width": 1.5, "dash": "dot"}
        x, y = [p.x for p in best], [p.y for p in best]
        figure.add_scatter(x=x, y=y, mode="lines", line=line, line_shape="hv", hoverinfo="skip", showlegend=False)
    for point in points:
        low, high = point.y_interval
        error = {"type": "data", "array": [high - point.y], "arrayminus": [point.y - low], "thickness": 1, "width": 4}
        marker = {"color": point.colour, "size": 12, "symbol": "square" if point.peer else "circle"}
        figure.add_scatter(
            x=[point.x], y=[point.y], error_y=error if high > low else None, mode="markers", marker=marker,
            name=point.label,
            hovertemplate="<b>" + point.label + "</b><br>" + "<br>".join(_wrapped(point.hover)) + "<extra></extra>",
        )  # fmt: skip
    figure.update_layout(xaxis_title=x_title, yaxis_title=y_title, xaxis_rangemode="tozero")
    return _plain(figure)


def line_chart(lines: Sequence[series.Line], x_title: str, y_title: str) -> Any:
    figure = go.Figure(list(_lines(lines)))
    figure.update_layout(xaxis_title=x_title, yaxis_title=y_title)
    return _plain(figure)


def _lines(lines: Sequence[series.Line]) -> Iterator[Any]:
    for line in lines:
        mode = "lines+markers" if len(line.x) < 20 else "lines"
        hover = "%{x:.3g}: %{y:.2f} %<extra>%{fullData.name}</extra>"
        style = {"color": line.colour, "width": 2}
        yield go.Scatter(x=list(line.x), y=list(line.y), mode=mode, name=line.label, line=style, hovertemplate=hover)


def _plain(figure: Any) -> Any:
    """Layout that all charts share."""
    height = figure.layout.height or HEIGHT
    figure.update_layout(
        template="none", height=height, margin={"l": 12, "r": 12, "t": 12, "b": 12}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font={"size": 13}, hoverlabel={"align": "left"}, bargap=0.3,
        legend={"orientation": "h", "yanchor": "top", "y": -0.22 if height < 600 else -0.14, "x": 0},
    )  # fmt: skip
    figure.update_xaxes(automargin=True, zeroline=False, title_standoff=10)
    figure.update_yaxes(automargin=True, zeroline=False, title_standoff=10)
    return figure


def _bar_height(labels: Sequence[str]) -> int:
    return 150 + 34 * len(labels)


def _wrapped(lines: Sequence[str], width: int = 64) -> Iterator[str]:
    """Long lines broken at blanks."""
    for line in lines:
        words, row = line.split(), ""
        for word in words:
            if row and len(row) + len(word) >= width:
                yield row
                row = ""
            row = f"{row} {word}".strip()
        yield row


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"
