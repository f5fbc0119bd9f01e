"""Writes docs/results/gpu.md from the records in docs/results/gpu/: `python docs/tools/gpu_page.py`."""

from __future__ import annotations

from pathlib import Path

from sdfl.benchmarks.gpu.page import as_markdown
from sdfl.benchmarks.gpu.record import read_record

RESULTS = Path(__file__).resolve().parents[1] / "results"
PAGE = RESULTS / "gpu.md"


def page() -> str:
    """The text of the page."""
    return as_markdown([read_record(path) for path in sorted((RESULTS / "gpu").glob("*.json"))])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
