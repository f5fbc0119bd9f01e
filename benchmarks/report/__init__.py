"""Draws records: one offline HTML page, pictures for documents, Markdown and CSV. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sdfl.benchmarks.records import Records
from sdfl.benchmarks.report import findings, page, text
from sdfl.benchmarks.report.charts import all_charts
from sdfl.benchmarks.report.data import collect
from sdfl.benchmarks.report.pictures import write_pictures
from sdfl.files import atomic_path

__all__ = ["write_report"]


def write_report(records: Records, out: Path, *, pictures: Path | None = None) -> list[Path]:
    """Write report.html, report.md, records.csv, and every chart as PNG and SVG.

    Args:
        records: what `sdfl bench` measured.
        out: the folder to write into.
        pictures: folder of the dataset, from which the worst pictures are shown; None only names them.

    Returns:
        The paths of the files.
    """
    data = collect(records)
    sentences = list(findings.sentences(data))
    charts = list(all_charts(data))
    texts = {
        "report.html": page.render(data, sentences, charts, pictures=pictures),
        "report.md": text.markdown(data, sentences),
        "records.csv": text.csv_text(records.records),
    }
    return [*_write_all(out, texts.items()), *write_pictures(charts, out)]


def _write_all(folder: Path, texts: Iterable[tuple[str, str]]) -> list[Path]:
    written = []
    for name, content in texts:
        with atomic_path(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
        written.append(folder / name)
    return written
