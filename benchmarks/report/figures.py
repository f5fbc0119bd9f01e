"""The charts for documents: PNG and SVG, in matplotlib. Titles name device, protocol and crops, as on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from sdfl.benchmarks.report import series
from sdfl.benchmarks.report.entries import Material, threads_of
from sdfl.files import atomic_path

INK, MUTED, GRID = "#1d2530", "#5d6875", "#dfe3e8"
STYLE: Any = {
    "font.family": "sans-serif", "font.size": 9.5, "text.color": INK, "axes.labelcolor": INK, "xtick.color": MUTED,
    "ytick.color": MUTED, "axes.edgecolor": GRID, "axes.grid": True, "grid.color": GRID, "grid.linewidth": 0.7,
    "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
    "svg.fonttype": "none", "svg.hashsalt": "sdfl",
}  # fmt: skip


def write(material: Material, out: Path) -> list[Path]:
    """Write every plate that has data as `<name>.png` and `<name>.svg`; returns the paths."""
    written = []
    with mpl.rc_context(STYLE):
        for name, figure in _plates(material):
            for suffix, metadata in (("png", None), ("svg", {"Date": None})):
                path = out / f"{name}.{suffix}"
                with atomic_path(path) as temporary:
                    figure.savefig(temporary, dpi=170, format=suffix, metadata=metadata)
                written.append(path)
    return written


def _plates(material: Material) -> Iterator[tuple[str, Figure]]:
    devices = material.devices()
    for number, device in enumerate(devices):
        ending = f"-{number + 1}" if len(devices) > 1 else ""
        for threads in threads_of(material.of(device))[:1]:
            for name, make in (("pareto", pareto), ("peers", peers), ("latency", latency)):
                figure = make(material, device, threads)
                if figure is not None:
                    yield name + ending, figure
    for name, draw in (("errors", errors), ("robustness", robustness), ("stability", stability)):
        drawn = draw(material)
        if drawn is not None:
            yield name, drawn


def pareto(material: Material, device: str, threads: int) -> Figure | None:
    points = [p for p in series.pareto_points(material, device, "network", threads, "nme_percent") if not p.peer]
    subtitle = material.protocol(device, material.dataset, "detected crops", _threads(threads), "batch 1")
    return _scatter(points, "Accuracy against latency", subtitle, "network, median ms", "NME, %")


def peers(material: Material, device: str, threads: int) -> Figure | None:
    points = series.pareto_points(material, device, "frame", threads, "common_nme_percent")
    subtitle = material.protocol(device, material.dataset, "detected crops, peers their own", _threads(threads))
    shown = points if any(point.peer for point in points) else []
    return _scatter(
        shown, "Beside other models", subtitle, "one tracked face, median ms a frame", "NME of 31 points, %"
    )


def latency(material: Material, device: str, threads: int) -> Figure | None:
    timed = [(entry, r) for entry in material.of(device) if (r := entry.result("network", threads))]
    if not timed:
        return None
    figure, axes = _new(
        "Latency of the bare network", material.protocol(device, _threads(threads), "batch 1"), 1.6 + 0.4 * len(timed)
    )
    labels = [entry.label for entry, _ in timed]
    axes.barh(labels, [r["p50_ms"] for _, r in timed], 0.55, color=[series.colour_of(material, e) for e, _ in timed])
    for key, marker in (("p90_ms", "|"), ("p99_ms", "x")):
        axes.scatter([r[key] for _, r in timed], labels, marker=marker, color=MUTED, s=50, label=key[:3])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("ms (bar: median)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def errors(material: Material) -> Figure | None:
    lines = series.error_curves(material)
    if not lines:
        return None
    figure, axes = _new(
        "Cumulative error", material.protocol(material.measured_on(), material.dataset, "crops in the legend"), 4.2
    )
    for line in lines:
        axes.plot(line.x, line.y, color=line.colour, label=line.label, linewidth=1.8)
    axes.set(xlabel="NME at most, %", ylabel="pictures, %", xlim=(0, 15), ylim=(0, 100))
    axes.legend(loc="lower right")
    return figure


def robustness(material: Material) -> Figure | None:
    drawn = {axis: lines for axis in series.AXIS_TITLES if (lines := series.sweep_lines(material, axis))}
    if not drawn:
        return None
    rows = (len(drawn) + 1) // 2
    figure = Figure(figsize=(7.4, 0.6 + 2.4 * rows), layout="constrained")
    _title(
        figure,
        "Robustness to crop and picture",
        material.protocol(material.measured_on(), material.dataset, "true crops, disturbed"),
    )
    grid: Any = figure.subplots(rows, 2, squeeze=False)
    for axes, (axis, lines) in zip(grid.flat, drawn.items(), strict=False):
        for line in lines:
            axes.plot(line.x, line.y, color=line.colour, label=line.label, marker="o", markersize=3.5, linewidth=1.6)
        axes.set(xlabel=series.AXIS_TITLES[axis], ylabel="NME, %")
        axes.set_ylim(bottom=0)
    grid.flat[0].legend(loc="upper left", fontsize=8)
    return figure


def stability(material: Material) -> Figure | None:
    subtitle = material.protocol("clips from stills", "30 frames/s", "noise sigma 6")
    points = series.stability_points(material)
    return _scatter(points, "Jitter against lag", subtitle, "lag, ms", "jitter, % of inter-ocular")


def _scatter(points: list[series.Point], title: str, subtitle: str, x_title: str, y_title: str) -> Figure | None:
    if not points:
        return None
    figure, axes = _new(title, subtitle, 4.2)
    best = series.front(points)
    axes.step([p.x for p in best], [p.y for p in best], where="post", color=MUTED, linestyle=":", linewidth=1.2)
    for point in points:
        low, high = point.y_interval
        axes.errorbar(
            [point.x], [point.y], yerr=[[point.y - low], [high - point.y]], fmt="s" if point.peer else "o",
            markersize=7, color=point.colour, elinewidth=1, capsize=3, label=point.label,
        )  # fmt: skip
    axes.set(xlabel=x_title, ylabel=y_title)
    axes.set_xlim(left=min(0.0, *(p.x for p in points)) - 0.05)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _new(title: str, subtitle: str, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(7.4, height), layout="constrained")
    _title(figure, title, subtitle)
    return figure, figure.subplots()


def _title(figure: Figure, title: str, subtitle: str) -> None:
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=12.5, fontweight="bold")
    figure.text(0.01, 1 - 0.42 / figure.get_size_inches()[1], subtitle, fontsize=8, color=MUTED, va="top")


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"
