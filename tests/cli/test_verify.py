"""`sdfl verify --json` has one shape, whatever is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdfl.cli import app
from sdfl.runtime.zoo import resolve_model


@pytest.mark.parametrize(
    ("arguments", "check", "passed"),
    [
        pytest.param(("nano", "fp32"), "runtimes", True, id="between runtimes"),
        pytest.param(("nano", "int8", "--quant"), "quantization", True, id="int8 everywhere"),
        pytest.param(("nano", "fp32", "--quant"), "quantization", False, id="a float file is no int8 file"),
    ],
)
def test_json_is_one_object(arguments: tuple[str, ...], check: str, passed: bool) -> None:
    name, precision, *options = arguments
    model = resolve_model(name, precision)
    result = CliRunner().invoke(app, ["verify", str(model), *options, "--json"])
    assert (result.exit_code == 0) == passed
    printed = json.loads(result.stdout)
    assert list(printed) == ["model", "check", "passed", "results"]
    assert (Path(printed["model"]), printed["check"], printed["passed"]) == (model, check, passed)
    assert isinstance(printed["results"], list)
