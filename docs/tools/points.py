"""Draws the numbered points of docs/reference/points.md: `python docs/tools/points.py` writes them to docs/assets.

The shape is the mean shape of a model of the package with these points.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from sdfl.layouts import Layout, get_layout
from sdfl.runtime.zoo import resolve_model

ASSETS = Path(__file__).resolve().parents[1] / "assets"
MODELS = {"ibug68": "free", "wflw98": "wflw98"}
LINE, DOT, TEXT = "#7d8792", "#2f7fd1", "#7d8792"  # read on white and on black
SIDE, MARGIN, GAP = 860, 40, 15


def points_svg(layout: Layout) -> str:
    """The mean shape of a layout, each point with its number.

    Args:
        layout: a key of `MODELS`.
    """
    graph = onnx.load(resolve_model(MODELS[layout.name])).graph
    shape = next(numpy_helper.to_array(each) for each in graph.initializer if each.name.endswith("mean_shape"))
    low, high = shape.min(axis=0), shape.max(axis=0)
    places = np.rint((shape - low) * (SIDE - 2 * MARGIN) / (high - low).max() + MARGIN).astype(int)
    width, height = places.max(axis=0) + MARGIN
    curves = [f'<polyline points="{" ".join(f"{x},{y}" for x, y in places[list(curve)])}"/>' for curve in layout.curves]
    dots = [f'<circle cx="{x}" cy="{y}" r="3.5"/>' for x, y in places]
    numbers = [
        f'<text x="{x:.0f}" y="{y:.0f}">{number}</text>' for number, (x, y) in enumerate(_beside(places, layout))
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            f"<title>The {layout.num_points} points of {layout.name} with their numbers</title>",
            f'<g fill="none" stroke="{LINE}" stroke-width="1.5">',
            *curves,
            f'</g><g fill="{DOT}">',
            *dots,
            f'</g><g font-family="system-ui, sans-serif" font-size="13" fill="{TEXT}" text-anchor="middle" '
            'dominant-baseline="central">',
            *numbers,
            "</g></svg>\n",
        ]
    )


def _beside(places: npt.NDArray[np.intp], layout: Layout) -> npt.NDArray[np.float64]:
    """(N, 2), where the numbers stand: outside of lines, below the nostrils, to the right of the bridge and pupils."""
    beside: npt.NDArray[np.float64] = places + np.array([GAP, 0.0])
    for curve in layout.curves:
        points = places[list(curve)]
        if layout.nose_tip in curve:
            continue
        away = points - (points[:-1] if curve[0] == curve[-1] else places).mean(axis=0)
        if set(curve) <= set(layout.parts["nose"]):
            away = np.tile([0.0, 1.0], (len(curve), 1))
        beside[list(curve)] = points + GAP * away / np.linalg.norm(away, axis=1, keepdims=True)
    corners = list(layout.inner_lips[:2])  # beside those of the outer lips, so that there is room inside alone
    beside[corners] = 2 * places[corners] - beside[corners]
    return beside


DRAWINGS = {f"points-{name}.svg": points_svg(get_layout(name)) for name in MODELS}

if __name__ == "__main__":
    for name, text in DRAWINGS.items():
        (ASSETS / name).write_text(text, encoding="utf-8")
