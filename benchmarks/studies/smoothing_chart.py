"""The chart of the smoothing study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import altair as alt

from sdfl.benchmarks.report.pictures import write_picture
from sdfl.benchmarks.studies.smoothing import Row

SINGLE = {"unsmoothed": "unsmoothed", "cutoffs x 1": "default"}  # settings that are marked beside the curve


def plot(rows: Sequence[Row], peers: Sequence[Row], out: Path) -> None:
    """Draw jitter against lag as the stiffness varies, with other projects' models beside it.

    Args:
        rows: of `sdfl.benchmarks.studies.smoothing.study`.
        peers: names and measures of other models.
        out: a .png or .svg file.
    """
    curve = [row for name, row in rows if name.startswith("cutoffs")]
    marked = [(SINGLE[name], row) for name, row in rows if name in SINGLE] + list(peers)
    line = _chart([("cutoffs x 0.1 to 8", row) for row in curve]).mark_line(point=True, color="#3f6fb5")
    marks = _chart(marked).mark_point(filled=True, shape="square", size=90, opacity=1).encode(color="name:N")
    chart = alt.LayerChart(layer=[line, marks], width=520, height=360, title="Smoothing: jitter against lag")
    write_picture(chart.to_dict(), out)


def _chart(rows: Sequence[Row]) -> alt.Chart:
    values = [{"name": name, "lag": row["lag_ms"], "jitter": row["jitter_percent"]} for name, row in rows]
    chart: alt.Chart = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("lag:Q", title="lag, ms"),
        y=alt.Y("jitter:Q", title="jitter, % of the inter-ocular distance", scale=alt.Scale(type="log", nice=True)),
        order="lag:Q",
    )
    return chart
