"""What the reference lists is what the code has: fields of files, keys of recipes, the command line, the drawings."""

from __future__ import annotations

import dataclasses
import importlib.util
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from sdfl.layouts import get_layout

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
FORMATS = "\n".join(
    re.sub(r"^```.*?^```$", "", (DOCS / "reference" / name).read_text(encoding="utf-8"), flags=re.M | re.S)
    for name in ("file-formats.md", "recipes.md")
)
MAX_README_LINES = 120
MAX_DEMO_MB = 1.5
HOUSE_WORDS = re.compile(r"\b(halves|mend(s|ed)?|twins?|ledgers?|yardsticks?)\b", re.I)


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        pytest.param("Model files", "artifacts.landmark_spec:ModelSpec", id="landmark model"),
        pytest.param("Model files", "artifacts.detector_spec:DetectorSpec", id="detector"),
        pytest.param("Passport", "artifacts.passport:Passport", id="passport"),
        pytest.param("Records", "benchmarks.records:Record", id="record"),
        pytest.param("Records", "benchmarks.records:Subject", id="subject of a record"),
        pytest.param("Suites", "benchmarks.suite:Suite", id="suite"),
        pytest.param("Suites", "benchmarks.suite:ModelEntry", id="model of a suite"),
        pytest.param("Suites", "benchmarks.suite:PeerEntry", id="peer of a suite"),
        *(
            pytest.param("Recipes", f"train.recipe:{name}", id=name)
            for name in ("About", "DataConfig", "Holdout", "OptimizerConfig", "TrainConfig", "QuantizeConfig")
        ),
        pytest.param("Recipes", "model.landmarks.network:ModelConfig", id="ModelConfig"),
        pytest.param("Recipes", "model.landmarks.losses:LossConfig", id="LossConfig"),
        pytest.param("Recipes", "train.data.augmentation:AugmentConfig", id="AugmentConfig"),
    ],
)
def test_every_field_is_described(section: str, kind: str) -> None:
    module, _, name = kind.partition(":")
    text = re.split(r"^##? ", FORMATS, flags=re.M)
    described = next(part for part in text if part.startswith(section))
    names = {each.name for each in dataclasses.fields(getattr(import_module(f"sdfl.{module}"), name))}
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", described))))
    assert not names - words, f"{section} does not describe {', '.join(sorted(names - words))}"


def load_tool(name: str) -> ModuleType:
    """A script of docs/tools."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_command_line_reference_is_up_to_date() -> None:
    tool = load_tool("cli_reference")
    assert tool.PAGE.read_text(encoding="utf-8") == tool.reference(), "run: python docs/tools/cli_reference.py"


@pytest.mark.parametrize("name", ["drawings", "points"])
def test_drawings_are_up_to_date(name: str) -> None:
    tool = load_tool(name)
    for file, text in tool.DRAWINGS.items():
        assert (tool.ASSETS / file).read_text(encoding="utf-8") == text, f"run: python docs/tools/{name}.py"


@pytest.mark.parametrize("name", ["ibug68", "wflw98"])
def test_points_have_the_numbers_of_their_parts(name: str) -> None:
    section = (DOCS / "reference" / "points.md").read_text(encoding="utf-8").partition(f"points: `{name}`")[2]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) to (\d+)(?:, (\d+))? \|", section.partition("\n## ")[0], re.MULTILINE)
    listed = {
        part: (*range(int(first), int(last) + 1), *((int(more),) if more else ())) for part, first, last, more in rows
    }
    assert listed == get_layout(name).parts


def test_every_public_name_is_in_the_api_page() -> None:
    import sdfl

    page = (DOCS / "reference" / "python-api.md").read_text(encoding="utf-8")
    missing = [name for name in sdfl.__all__ if not re.search(rf"[.`]{name}\b", page)]
    assert not missing, f"docs/reference/python-api.md lacks {', '.join(missing)}"


def test_readme_and_its_picture_stay_small() -> None:
    assert len((PROJECT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES
    assert (DOCS / "assets" / "demo.webp").stat().st_size <= MAX_DEMO_MB * 1e6


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.name) for page in [*PROJECT.glob("*.md"), *sorted(DOCS.rglob("*.md"))]],
)
def test_pages_use_the_words_of_the_field(page: Path) -> None:
    found = sorted({match[0] for match in HOUSE_WORDS.finditer(page.read_text(encoding="utf-8"))})
    assert not found, f"{page.name}: a newcomer does not know {', '.join(found)}"
