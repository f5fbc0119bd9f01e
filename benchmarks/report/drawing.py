"""How the charts are drawn: Altair descriptions from which both the page and the picture files are made.

Colours of text and grid are left to `sdfl.benchmarks.report.theme`, because the page may be light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt

from sdfl.benchmarks.report.series import Bar, Line, Point
from sdfl.benchmarks.report.theme import NEUTRAL

WIDTH, HEIGHT = 680, 330
SMALL_WIDTH, SMALL_HEIGHT = 300, 190
BAR_PX = 30  # of the height of a bar chart for each bar
FEW = 20  # points up to which a line shows each of them
UPRIGHT, CROSS = "M0,-1V1", "M-0.7,-0.7L0.7,0.7M-0.7,0.7L0.7,-0.7"  # shapes of marks, as SVG paths
MARGIN_PX = 10  # between the outermost marks and the frame


def scatter(points: Sequence[Point], best: Sequence[Point], x_title: str, y_title: str) -> alt.LayerChart:
    """One mark for each model, with the interval of its y value.

    Args:
        points: at least one.
        best: points joined by a stepped line, fastest first.
        x_title: with the unit.
        y_title: with the unit.
    """
    rows = [
        {"label": p.label, "x": p.x, "y": p.y, "low": p.y_interval[0], "high": p.y_interval[1]} | p.details
        for p in points
    ]
    base = alt.Chart(_values(rows)).encode(x=_number("x", x_title, zero=True), color=_colour(points))
    bars = base.mark_rule(strokeWidth=1).encode(y=_number("low", y_title, margin_px=MARGIN_PX), y2="high:Q")
    tick = base.mark_tick(thickness=1, width=9, orient="horizontal")
    ends = [tick.encode(y=_number(end, y_title, margin_px=MARGIN_PX)) for end in ("low", "high")]
    shapes = alt.Scale(domain=[p.label for p in points], range=["square" if p.peer else "circle" for p in points])
    tooltip = [alt.Tooltip("label:N", title="model"), *(alt.Tooltip(f"{key}:N") for key in points[0].details)]
    marks = base.mark_point(filled=True, size=110, opacity=1).encode(
        y=_number("y", y_title, margin_px=MARGIN_PX), shape=alt.Shape("label:N", scale=shapes), tooltip=tooltip
    )
    layers: list[alt.Chart] = [bars, *ends, marks]
    if len(best) > 1:
        steps = alt.Chart(_values([{"x": p.x, "y": p.y} for p in best]))
        line = steps.mark_line(color=NEUTRAL, strokeDash=[2, 3], strokeWidth=1.5, interpolate="step-after")
        layers.insert(0, line.encode(x=_number("x", x_title, zero=True), y=_number("y", y_title, margin_px=MARGIN_PX)))
    return alt.LayerChart(layer=layers, width=WIDTH, height=HEIGHT)


def percentile_bars(bars: Sequence[Bar], x_title: str) -> alt.LayerChart:
    """A horizontal bar for the median of each model, with marks for further percentiles.

    Args:
        bars: one a model, at least one; `marks` are the percentiles.
        x_title: with the unit.
    """
    y = alt.Y("label:N", title=None, sort=None)
    medians = [{"label": bar.label, "x": bar.value} for bar in bars]
    further = [{"label": bar.label, "x": x, "name": name} for bar in bars for name, x in bar.marks.items()]
    names = list(bars[0].marks)
    shape = alt.Shape("name:N", scale=alt.Scale(domain=names, range=[UPRIGHT, CROSS]))
    colour = alt.Color("label:N", scale=_scale(bars), legend=None)
    tooltip = [alt.Tooltip("label:N", title="model"), alt.Tooltip("x:Q", title="median", format=".2f")]
    body = alt.Chart(_values(medians)).mark_bar(height={"band": 0.6})
    lower = body.encode(x=_number("x", x_title, zero=True), y=y, color=colour, tooltip=tooltip)
    marks = alt.Chart(_values(further)).mark_point(color=NEUTRAL, size=80, strokeWidth=2, filled=False, opacity=1)
    hover = [alt.Tooltip("label:N", title="model"), alt.Tooltip("name:N"), alt.Tooltip("x:Q", title="ms", format=".2f")]
    upper = marks.encode(x=_number("x", x_title, zero=True), y=y, shape=shape, tooltip=hover)
    return alt.LayerChart(layer=[lower, upper], width=WIDTH, height=BAR_PX * len(bars))


def stacked_bars(bars: Sequence[Bar], colours: Sequence[str], x_title: str, unit: str) -> alt.Chart:
    """A horizontal bar for each model, made of parts.

    Args:
        bars: one a model, at least one; `marks` are the parts, in the order of the bar.
        colours: one a part.
        x_title: with the unit.
        unit: for the hover text.
    """
    parts = list(bars[0].marks)
    rows = [
        {"label": bar.label, "part": part, "x": x, "order": parts.index(part), "text": f"{x:.0f} {unit}"}
        for bar in bars
        for part, x in bar.marks.items()
    ]
    tooltip = [alt.Tooltip("label:N", title="model"), alt.Tooltip("part:N"), alt.Tooltip("text:N", title="memory")]
    chart = alt.Chart(_values(rows)).mark_bar(height={"band": 0.6})
    encoded = chart.encode(
        x=_number("x", x_title, zero=True),
        y=alt.Y("label:N", title=None, sort=None),
        color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=list(colours))),
        order="order:Q",
        tooltip=tooltip,
    )
    sized: alt.Chart = encoded.properties(width=WIDTH, height=BAR_PX * len(bars))
    return sized


def lines(drawn: Sequence[Line], x_title: str, y_title: str, *, small: bool = False) -> alt.LayerChart:
    """One line for each model.

    Args:
        drawn: at least one.
        x_title: with the unit.
        y_title: with the unit.
        small: the size of one of several charts side by side.
    """
    rows = [{"label": line.label, "x": x, "y": y} for line in drawn for x, y in zip(line.x, line.y, strict=True)]
    base = alt.Chart(_values(rows)).encode(
        x=_number("x", x_title), y=_number("y", y_title, zero=True), color=_colour(drawn)
    )
    tooltip = [
        alt.Tooltip("label:N", title="model"),
        alt.Tooltip("x:Q", title=x_title, format=".3g"),
        alt.Tooltip("y:Q", title=y_title, format=".2f"),
    ]
    seen = 1 if max(len(line.x) for line in drawn) < FEW else 0  # dense lines have hover text but no visible marks
    points = base.mark_point(filled=True, size=45, opacity=seen).encode(tooltip=tooltip)
    width, height = (SMALL_WIDTH, SMALL_HEIGHT) if small else (WIDTH, HEIGHT)
    return alt.LayerChart(layer=[base.mark_line(strokeWidth=2), points], width=width, height=height)


def side_by_side(charts: Sequence[alt.LayerChart]) -> alt.ConcatChart:
    """Small charts of the same models in two columns, with one legend."""
    chart: alt.ConcatChart = alt.concat(*charts, columns=2, spacing=24).resolve_scale(color="shared")
    return chart


def grouped_bars(names: Sequence[str], drawn: Sequence[Line], x_title: str, y_title: str) -> alt.Chart:
    """Vertical bars of all models in each bin; a value of NaN is left out.

    Args:
        names: of the bins.
        drawn: one a model; x counts the bins.
        x_title: with the unit.
        y_title: with the unit.
    """
    rows = [
        {"label": line.label, "x": names[int(x)], "y": y, "text": f"{y:.2f} %"}
        for line in drawn
        for x, y in zip(line.x, line.y, strict=True)
        if math.isfinite(y)
    ]
    bins = alt.X("x:N", title=x_title, sort=None, scale=alt.Scale(domain=list(names)), axis=alt.Axis(labelAngle=0))
    chart = alt.Chart(_values(rows)).mark_bar()
    encoded = chart.encode(
        x=bins,
        xOffset=alt.XOffset("label:N", sort=None, scale=alt.Scale(domain=[line.label for line in drawn])),
        y=_number("y", y_title, zero=True),
        color=_colour(drawn),
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("x:N", title=x_title),
            alt.Tooltip("text:N", title="NME"),
        ],
    )
    sized: alt.Chart = encoded.properties(width=WIDTH, height=HEIGHT)
    return sized


def _values(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _number(field: str, title: str, *, zero: bool = False, margin_px: int = 0) -> Any:
    channel = alt.X if field == "x" else alt.Y
    return channel(f"{field}:Q", title=title, scale=alt.Scale(zero=zero, nice=True, padding=margin_px))


def _scale(series: Sequence[Any]) -> alt.Scale:
    return alt.Scale(domain=[each.label for each in series], range=[each.colour for each in series])


def _colour(series: Sequence[Any]) -> alt.Color:
    return alt.Color("label:N", scale=_scale(series))
