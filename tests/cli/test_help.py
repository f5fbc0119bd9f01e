"""What the help says, and that asking for it is quick."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
from typer.testing import CliRunner

from sdfl.artifacts.names import PRECISIONS
from sdfl.cli import DESCRIPTION, app, demo, options
from sdfl.runtime.backends import BACKENDS
from sdfl.runtime.views import VIEWS

GROUPS = ("Use", "Train", "Deploy", "Measure")
HEAVY = ("numpy", "cv2", "torch", "openvino", "onnxruntime", "onnx", "matplotlib", "lightning")


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every verb with the words that call it."""
    for name, inner in getattr(command, "commands", {}).items():
        yield (*names, name), inner
        yield from commands(inner, *names, name)


VERBS = dict(commands(typer.main.get_command(app)))


def text_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "500"})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_the_help_says_what_the_tool_does_and_groups_the_verbs(flag: str) -> None:
    text = text_of(flag)
    assert DESCRIPTION in text
    places = [text.index(f"─ {group} ─") for group in GROUPS]
    assert places == sorted(places)
    assert "─ Commands ─" not in text, "every verb stands in a group"
    assert "--install-completion" in text
    assert "Show the version and exit." in text


def test_without_a_verb_the_help_is_shown() -> None:
    assert DESCRIPTION in CliRunner().invoke(app, [], env={"COLUMNS": "500"}).output


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_and_option_has_a_help_text(words: tuple[str, ...]) -> None:
    assert f"Usage: sdfl {' '.join(words)}" in CliRunner().invoke(app, [*words, "-h"], prog_name="sdfl").stdout
    for parameter in VERBS[words].params:
        assert (getattr(parameter, "help", None) or "").endswith("."), parameter.name


@pytest.mark.parametrize(
    ("option", "table"),
    [
        pytest.param(demo.View, VIEWS, id="views"),
        pytest.param(options.Backend, BACKENDS, id="back ends"),
        pytest.param(options.Precision, PRECISIONS, id="precisions"),
    ],
)
def test_the_choices_are_those_that_there_are(option: Any, table: Any) -> None:
    literal_or_none = get_args(get_type_hints(type("_", (), {"__annotations__": {"x": option}}))["x"])
    assert get_args(literal_or_none[0]) == tuple(table)


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_load_no_heavy_package(tmp_path: Path, argument: str) -> None:
    """So they answer at once, and where one of the packages is broken."""
    script = (
        "import sys\nfrom sdfl.cli import main\n"
        f"sys.argv = ['sdfl', {argument!r}]\n"
        "try: main()\n"
        f"finally: print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
