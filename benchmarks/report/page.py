"""The report as one HTML file that needs no network: text, tables, charts, and Plotly's script itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from sdfl.benchmarks.report import charts, tables
from sdfl.benchmarks.report.entries import Material
from sdfl.datasets import read_image
from sdfl.errors import DataError
from sdfl.geometry import crop_affine, cut_crop, invert_affine, landmark_box, square_around, transform_points
from sdfl.types import Image

TEMPLATE = Path(__file__).parent / "page.html"
THUMBNAIL_PX = 220
METHOD = (
    "Times: every case runs in a process of its own, bound to as many CPUs as it has threads; after a warm-up all "
    "cases take turns in short rounds, so that a busy machine slows them alike. p50, p90 and p99 are of all runs. "
    "Ratios and yardsticks compare the fast tenth of each round, runs that nothing interrupted. Load time, first run "
    "and memory are those of fresh processes.",
    "Accuracy: mean point distance over the distance of the outer eye corners (inter-ocular NME) of the faces that "
    "were found; a missed face counts as a failure. True crops are cut around the labels, detected ones "
    "around the built-in "
    "detector's box, tracked ones around the landmarks of a first look at that box. Intervals are 95 % bootstrap "
    "intervals over the pictures.",
    "Other models run with their own detectors. Models of 468 points are mapped to 68 by the usual table; they are "
    "compared over the 31 points of brows, nose and eyes, which mean the same to all.",
    "Jitter: how far points stray from their mean on a still face with camera noise. Lag: the delay at which the found "
    "motion fits the true one best.",
)


def render(material: Material, sentences: Sequence[str], pictures: Path | None = None) -> str:
    """The whole page. pictures: where the worst pictures may be read."""
    drawn = list(charts.all_charts(material))
    devices = ", ".join(material.devices())
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"Landmark models on {devices}" if devices else "Landmark models"),
        subtitle=escape(" · ".join(word for word in (material.dataset, f"{date.today():%d %B %Y}") if word)),
        findings="\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences),
        notes="\n".join(f'<p class="note">{escape(note)}</p>' for note in material.notes),
        charts="\n".join(_figure(number, chart) for number, chart in enumerate(drawn)),
        tables="\n".join(_table(table) for table in tables.all_tables(material)),
        worst="\n".join(_worst(material, pictures)),
        method="\n".join(f"<p>{escape(text)}</p>" for text in METHOD),
        figures="[" + ",".join(_safe(chart.figure.to_json()) for chart in drawn) + "]",
        plotly=get_plotlyjs(),
    )


def _safe(text: str) -> str:
    """JSON inside of a script element."""
    return text.replace("</", "<\\/")


def _figure(number: int, chart: charts.Chart) -> str:
    note = f'<p class="note">{escape(chart.note)}</p>' if chart.note else ""
    return (
        f'<figure><figcaption><h3>{escape(chart.title)}</h3><p class="sub">{escape(chart.subtitle)}</p></figcaption>'
        f'<div class="chart" id="chart-{number}" style="height:{chart.figure.layout.height}px"></div>{note}</figure>'
    )


def _table(table: tables.Table) -> str:
    heads = "".join(
        f"<th>{escape(name)}" + (f"<small>{escape(unit)}</small>" if unit else "") + "</th>"
        for name, unit in table.columns
    )
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    kind = ' class="text"' if table.title in ("Failures", "Environment") else ""
    return (
        f'<section><h3>{escape(table.title)}</h3><p class="sub">{escape(table.subtitle)}</p>'
        f'<div class="scroll"><table{kind}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _worst(material: Material, pictures: Path | None) -> Iterator[str]:
    """The worst pictures of the first model: shown where they can be read, else named."""
    for entry in material.distinct()[:1]:
        result = entry.accuracy_result()
        if not result or not result["worst"]:
            return
        subtitle = material.protocol(entry.label, material.dataset, f"{result['crops']} crops")
        yield f'<h2>Worst pictures</h2><p class="sub">{escape(subtitle)}</p>'
        shown = [_shown(item, pictures) for item in result["worst"]] if pictures else []
        if any(shown):
            yield '<div class="worst">' + "".join(shown) + "</div>"
            continue
        items = ", ".join(f"{item['name']} ({item['nme_percent']:.1f} %)" for item in result["worst"])
        yield f'<p class="note">{escape(items)}. To see them: sdfl report --pictures DIR.</p>'


def _shown(item: dict[str, object], folder: Path | None) -> str:
    """One picture with the points that were found, "" where it cannot be read."""
    try:
        image = read_image((folder or Path()) / str(item["name"]))
    except DataError:
        return ""
    encoded = cv2.imencode(".jpg", _thumbnail(image, np.asarray(item["points"], np.float32)))[1]
    data = base64.b64encode(encoded.tobytes()).decode()
    caption = f"{item['name']}: {item['nme_percent']:.1f} %"
    return (
        f'<figure><img alt="" src="data:image/jpeg;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def _thumbnail(image: Image, points: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image:
    centre, side_px = square_around(landmark_box(points), 1.7)
    crop = cut_crop(image, crop_affine(centre, side_px, THUMBNAIL_PX), THUMBNAIL_PX)
    canvas: Image = crop.image.copy()
    for x, y in transform_points(invert_affine(crop.to_frame), points):
        cv2.circle(canvas, (round(x * 8), round(y * 8)), 14, (255, 255, 255), -1, cv2.LINE_AA, 3)
        cv2.circle(canvas, (round(x * 8), round(y * 8)), 10, (181, 111, 63), -1, cv2.LINE_AA, 3)
    return canvas
