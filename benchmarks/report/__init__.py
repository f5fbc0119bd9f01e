"""Draws records: one offline HTML page, pictures for documents, Markdown and CSV. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sdfl.benchmarks.records import Records
from sdfl.benchmarks.report import figures, findings, page, tables
from sdfl.benchmarks.report.entries import collect
from sdfl.files import atomic_path

__all__ = ["write_report"]


def write_report(records: Records, out: Path, *, pictures: Path | None = None) -> list[Path]:
    """Write report.html, report.md, records.csv and the pictures into `out`; returns their paths.

    pictures: the data set that the worst pictures are taken from; without it they are named but not shown.
    """
    material = collect(records)
    sentences = list(findings.sentences(material))
    texts = {
        "report.html": page.render(material, sentences, pictures),
        "report.md": tables.markdown(material, sentences),
        "records.csv": tables.csv_text(records.records),
    }
    return [*_write_all(out, texts.items()), *figures.write(material, out)]


def _write_all(folder: Path, texts: Iterable[tuple[str, str]]) -> list[Path]:
    written = []
    for name, text in texts:
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
        written.append(folder / name)
    return written
