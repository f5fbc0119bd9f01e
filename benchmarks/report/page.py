"""The report as one HTML file that needs no network: text, tables, charts, and the script that draws them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import cv2
import numpy as np
import vl_convert

from sdfl.benchmarks.report.charts import Chart
from sdfl.benchmarks.report.data import ReportData, caption
from sdfl.benchmarks.report.names import CROPS
from sdfl.benchmarks.report.tables import Table, all_tables
from sdfl.benchmarks.report.theme import DARK, FONT, LIGHT, chart_config, style_variables
from sdfl.datasets import read_image
from sdfl.errors import DataError
from sdfl.geometry import crop_affine, cut_crop, invert_affine, landmark_box, square_around, transform_points
from sdfl.types import FloatArray, Image

TEMPLATE = Path(__file__).parent / "page.html"
THUMBNAIL_PX = 220
METHOD = (
    "Times. Each model runs in a process of its own that is bound to as many CPUs as it has threads. After a warm-up, "
    "all models take turns in short rounds, so that other processes on the machine slow all of them alike. The median, "
    "p90 and p99 are taken over all runs. Ratios compare the fastest tenth of the runs in each round, because other "
    "processes disturb the rest. The reference workload is a fixed amount of arithmetic that takes its turn in every "
    "round; a time relative to it stays the same when the machine is busy. Load time, first inference and memory are "
    "those of fresh processes.",
    "Accuracy. The NME is the mean distance between predicted and labelled points, divided by the distance between the "
    "outer corners of the eyes, over all faces found. The failure rate at 8 % is the share of faces with a higher NME; "
    "a missed face counts as a failure. Ground-truth crops are cut around the labelled points, detected crops around "
    "the box of the built-in detector, and tracked crops around the landmarks predicted from the detected crop. "
    "Intervals are 95 % bootstrap intervals over the pictures.",
    "Other models. Models of other projects run with their own detectors. Meshes of 468 or 478 points are mapped to 68 "
    "points. All models are compared over the 31 points of brows, nose and eyes, which mean the same in each of them.",
    "Video. The clips are made from still pictures under a known motion, with camera noise. Jitter is the mean "
    "distance that points move from frame to frame on a face at rest. Lag is the delay at which the predicted motion "
    "fits the true one best.",
)


def render(data: ReportData, sentences: Sequence[str], charts: Sequence[Chart], *, pictures: Path | None = None) -> str:
    """The whole page.

    Args:
        data: what the tables show.
        sentences: the findings.
        charts: in their order.
        pictures: folder of the dataset, from which the worst pictures are shown; None only names them.
    """
    devices = ", ".join(data.devices())
    drawn = [{"spec": chart.spec(), "label": chart.title} for chart in charts]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(f"Landmark models on {devices}" if devices else "Landmark models"),
        subtitle=escape(" · ".join(word for word in (data.dataset, f"{date.today():%d %B %Y}") if word)),
        font=FONT,
        light=style_variables(LIGHT),
        dark=style_variables(DARK),
        findings=_part("Findings", _findings(data, sentences)),
        charts=_part("Charts", "\n".join(_figure(number, chart) for number, chart in enumerate(charts))),
        tables=_part("Tables", "\n".join(_table(table) for table in all_tables(data))),
        worst=_part("Worst pictures", "\n".join(_worst(data, pictures))),
        method=_part("How it was measured", "\n".join(f'<p class="method">{escape(text)}</p>' for text in METHOD)),
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;") if charts else "",
        specs=_script_json(drawn),
        configs=_script_json({"light": chart_config(LIGHT), "dark": chart_config(DARK)}),
    )


def _part(title: str, content: str) -> str:
    """A part of the page with its heading; nothing where it has no content."""
    return f"<h2>{title}</h2>\n{content}" if content.strip() else ""


def _script_json(value: Any) -> str:
    """JSON that may stand inside of a script element."""
    return json.dumps(value, separators=(",", ":")).replace("</", "<\\/")


def _findings(data: ReportData, sentences: Sequence[str]) -> str:
    items = "\n".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    found = f'<ul class="findings">\n{items}\n</ul>' if items else ""
    return "\n".join([found, *(f'<p class="note">{escape(note)}</p>' for note in data.notes)])


def _figure(number: int, chart: Chart) -> str:
    note = f'<p class="note">{escape(chart.note)}</p>' if chart.note else ""
    return (
        f'<figure><figcaption><h3>{escape(chart.title)}</h3><p class="sub">{escape(chart.subtitle)}</p></figcaption>'
        f'<div class="chart" id="chart-{number}"></div>{note}</figure>'
    )


def _table(table: Table) -> str:
    heads = "".join(
        f"<th>{escape(name)}" + (f"<small>{escape(unit)}</small>" if unit else "") + "</th>"
        for name, unit in table.columns
    )
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    kind = ' class="text"' if table.of_text else ""
    return (
        f'<section><h3>{escape(table.title)}</h3><p class="sub">{escape(table.subtitle)}</p>'
        f'<div class="scroll"><table{kind}><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _worst(data: ReportData, pictures: Path | None) -> Iterator[str]:
    """The worst pictures of the first model: shown where they can be read, else named."""
    for entry in data.distinct()[:1]:
        result = entry.accuracy_result()
        if not result or not result["worst"]:
            return
        subtitle = caption(entry.label, data.dataset, CROPS[result["crops"]])
        yield f'<p class="sub">{escape(subtitle)}</p>'
        shown = [_shown(item, pictures) for item in result["worst"]] if pictures else []
        if any(shown):
            yield '<div class="worst">' + "".join(shown) + "</div>"
            continue
        items = ", ".join(f"{item['name']} ({item['nme_percent']:.1f} %)" for item in result["worst"])
        yield f'<p class="note">{escape(items)}. To see them, add --pictures DIR to sdfl report.</p>'


def _shown(item: dict[str, object], folder: Path | None) -> str:
    """One picture with the predicted points, "" where it cannot be read."""
    try:
        image = read_image((folder or Path()) / str(item["name"]))
    except DataError:
        return ""
    encoded = cv2.imencode(".jpg", _thumbnail(image, np.asarray(item["points"], np.float32)))[1]
    data = base64.b64encode(encoded.tobytes()).decode()
    text = escape(f"{item['name']}: {item['nme_percent']:.1f} %")
    return f'<figure><img alt="" src="data:image/jpeg;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _thumbnail(image: Image, points: FloatArray) -> Image:
    centre, side_px = square_around(landmark_box(points), 1.7)
    crop = cut_crop(image, crop_affine(centre, side_px, THUMBNAIL_PX), THUMBNAIL_PX)
    canvas: Image = crop.image.copy()
    for x, y in transform_points(invert_affine(crop.to_frame), points):
        cv2.circle(canvas, (round(x * 8), round(y * 8)), 14, (255, 255, 255), -1, cv2.LINE_AA, 3)
        cv2.circle(canvas, (round(x * 8), round(y * 8)), 10, (181, 111, 63), -1, cv2.LINE_AA, 3)
    return canvas
