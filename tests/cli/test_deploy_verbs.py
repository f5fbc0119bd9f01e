"""`sdfl verify --json` has one shape, whatever is checked; wrong choices of the verbs around it are usage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from sdfl.artifacts.passport import TARGETS
from sdfl.cli import app
from sdfl.cli.build import Target
from sdfl.cli.eval import Crops
from sdfl.cli.export import Storage
from sdfl.evaluation import CROPS
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


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        pytest.param(("build", "nano", "--target", "foo"), ("tensorrt", "tensorrt-rtx", "openvino"), id="target"),
        pytest.param(
            ("build", "nano", "--target", "openvino", "--precision", "int4"), ("fp16", "int8"), id="precision"
        ),
        pytest.param(("export", "a.ckpt", "-o", "a.onnx", "--storage", "int8"), ("fp32", "fp16"), id="storage"),
        pytest.param(("eval", "--data", ".", "--crops", "all"), ("true", "detected"), id="crops"),
        pytest.param(("eval", "--data", ".", "--backend", "tflite"), ("onnxruntime", "openvino"), id="back end"),
        pytest.param(("zoo", "verify", "huge", "--data", "."), ("nano", "small", "medium", "large"), id="model"),
    ],
)
def test_a_wrong_choice_is_usage_and_lists_the_choices(arguments: tuple[str, ...], choices: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2
    assert all(choice in result.output for choice in choices)


def test_the_targets_of_the_command_line_are_those_that_there_are() -> None:
    assert get_args(Target) == TARGETS


def test_the_choices_of_export_and_eval_are_those_that_there_are() -> None:
    pytest.importorskip("torch", reason="needs the extra convert")
    from sdfl.convert.export.graph import STORAGES

    assert get_args(Storage) == STORAGES
    assert get_args(Crops) == CROPS
