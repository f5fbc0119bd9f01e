"""The charts as PNG and SVG files for documents, converted without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from sdfl.benchmarks.report.charts import Chart
from sdfl.benchmarks.report.theme import LIGHT, chart_config
from sdfl.files import atomic_path

SCALE = 2.0  # px of a PNG for one px of the page


def write_pictures(charts: Sequence[Chart], folder: Path) -> list[Path]:
    """Write every chart as `<name>.png` and `<name>.svg`, dark on white.

    Returns:
        The paths.
    """
    written = []
    for chart in charts:
        for suffix in (".png", ".svg"):
            write_picture(chart.titled_spec(), folder / f"{chart.name}{suffix}")
            written.append(folder / f"{chart.name}{suffix}")
    return written


def write_picture(spec: dict[str, Any], path: Path) -> None:
    """Write one chart; the ending of `path` chooses PNG or SVG.

    Args:
        spec: in Vega-Lite, without a config.
        path: the file; nothing half-written is ever left there.
    """
    config = chart_config(LIGHT) | {"background": LIGHT["paper"], "padding": 16}
    with atomic_path(path) as temporary:
        if path.suffix == ".svg":
            temporary.write_text(vl_convert.vegalite_to_svg(spec, config=config), encoding="utf-8")
        else:
            temporary.write_bytes(vl_convert.vegalite_to_png(spec, config=config, scale=SCALE))
