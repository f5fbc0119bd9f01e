"""Colours and type of the report: one description for the page's style sheet, its charts and the pictures."""

from __future__ import annotations

from typing import Any

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
LIGHT = {
    "paper": "#ffffff", "panel": "#f7f8fa", "ink": "#1d2530", "muted": "#5d6875",
    "line": "#dfe3e8", "accent": "#3f6fb5",
}  # fmt: skip
DARK = {
    "paper": "#14181e", "panel": "#1b2027", "ink": "#e4e8ee", "muted": "#9aa5b3",
    "line": "#2e3640", "accent": "#7fa8e0",
}  # fmt: skip
SERIES = (
    "#3f6fb5", "#d07a2d", "#2f8f73", "#a8485c", "#7b62b3", "#8b7340", "#3f9bb8", "#78828f", "#b8579b", "#6c9a3a",
    "#c9a227", "#4f5d9e",
)  # fmt: skip
NEUTRAL = "#8a949f"  # of marks that belong to no model; readable on both papers


def style_variables(palette: dict[str, str]) -> str:
    """The colours as CSS variables: "--paper: #ffffff; ..."."""
    return " ".join(f"--{name}: {colour};" for name, colour in palette.items())


def chart_config(palette: dict[str, str]) -> dict[str, Any]:
    """The Vega-Lite config of every chart on paper of this colour."""
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "gridColor": palette["line"], "domainColor": palette["line"], "tickColor": palette["line"],
            "labelColor": palette["muted"], "titleColor": palette["ink"], "titleFontWeight": "normal",
            "labelFontSize": 12, "titleFontSize": 13, "titlePadding": 10, "labelPadding": 5, "labelLimit": 330,
            "labelFlush": False,
        },
        "axisQuantitative": {"tickCount": 6},
        "axisBand": {"grid": False},
        "legend": {
            "orient": "bottom", "direction": "vertical", "columns": 2, "title": None, "labelColor": palette["ink"],
            "labelFontSize": 12,
            "labelLimit": 0, "symbolSize": 90, "symbolOpacity": 1, "rowPadding": 5, "columnPadding": 24, "offset": 14,
        },
        "title": {
            "anchor": "start", "color": palette["ink"], "subtitleColor": palette["muted"], "fontSize": 16,
            "subtitleFontSize": 11.5, "subtitlePadding": 5, "offset": 16,
        },
    }  # fmt: skip
