"""The accuracy of the models is the same wherever it stands."""

from __future__ import annotations

import re
from pathlib import Path

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.runtime.zoo import families

PROJECT = Path(__file__).parents[2]
MEASURED, WITH_DETECTOR = "int8, OpenVINO", "with the detector, int8"  # columns of docs/results/models.md


def rows(page: str, column: str) -> dict[str, str]:
    """What first stands in a column of a page's tables, by the model that the row begins with."""
    found: dict[str, str] = {}
    index = None
    for line in (PROJECT / page).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if not cells:
            index = None
        elif column in cells:
            index = cells.index(column)
        elif index is not None and (name := re.match(r"`(\w+)`", cells[0])):
            found.setdefault(name[1], cells[index])
    return found


def percent(cell: str) -> float:
    return float(cell.partition("%")[0])


def test_readme_and_guide_round_what_was_measured() -> None:
    measured = {name: f"{percent(cell):.2f} %" for name, cell in rows("docs/results/models.md", MEASURED).items()}
    assert {"nano", "small", "medium", "large", "free", "wflw98"} == measured.keys()
    del measured["wflw98"]  # of other points: neither table repeats it
    assert rows("README.md", "NME, int8") == measured
    chosen = rows("docs/guide/use.md", "NME, int8")
    assert chosen.pop("wflw98").startswith("[other points]")
    assert chosen == measured


def test_readme_rounds_what_was_measured_with_the_detector() -> None:
    measured = {name: f"{percent(cell):.2f} %" for name, cell in rows("docs/results/models.md", WITH_DETECTOR).items()}
    del measured["wflw98"]
    assert rows("README.md", "NME with the built-in detector") == measured


def test_the_page_has_what_the_files_state() -> None:
    page = rows("docs/results/models.md", "float, ONNX Runtime")
    for name, files in families().items():
        stated = read_spec(files["fp32"]).nme_percent
        assert stated is not None
        assert abs(percent(page[name]) - stated) < 0.001, name
