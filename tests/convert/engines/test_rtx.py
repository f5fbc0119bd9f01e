"""Acceptance: the real TensorRT-RTX parses and builds every shipped model in every precision, without a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from toy_engine import quiet
from typer.testing import CliRunner

from sdfl.artifacts.passport import read_passport
from sdfl.cli import app
from sdfl.convert.engines import run_build
from sdfl.convert.engines.layers import slow_layers
from sdfl.convert.engines.plan import make_plan
from sdfl.errors import ArtifactError, SdflError
from sdfl.runtime.zoo import families, resolve_model

pytestmark = pytest.mark.slow

pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed: pip install '.[rtx]'")


@pytest.mark.parametrize("name", [name for name in families() if name != "free"])  # which is the network of `small`
@pytest.mark.parametrize(
    ("precision", "faces"),
    [
        pytest.param("fp32", 1, id="fp32"),
        pytest.param("fp16", 4, id="fp16, up to four faces"),
        pytest.param("int8", 1, id="int8"),
    ],
)
def test_every_precision_parses_and_builds(name: str, precision: str, faces: int, tmp_path: Path) -> None:
    source = resolve_model(name, precision)
    plan = make_plan(
        source,
        "tensorrt-rtx",
        out=tmp_path / "m.engine",
        precision=precision,
        max_faces=faces,
        compute_capabilities=("8.9",),
    )
    built = run_build(plan, quiet)
    assert read_passport(built.path).compute_capabilities == ("8.9",)
    assert read_passport(built.path).gpu == ""
    convolutions = [layer for layer in built.layers if layer.is_convolution]
    stored = sum(node.op_type == "Conv" for node in onnx.load(source).graph.node)
    assert len(convolutions) >= stored - 1  # one may be computed as a product of matrices
    wanted = {"fp32": "Float", "fp16": "Half", "int8": "Int8"}[precision]
    assert {layer.types[0] for layer in convolutions} == {wanted}
    if precision == "int8":
        assert slow_layers(built.layers) == []
        assert {kind for layer in built.layers if layer.kind == "gemm" for kind in layer.types} <= {"Int8", "Half"}


def test_the_command_line_builds_ahead_of_time_for_several_gpus(tmp_path: Path) -> None:
    out = tmp_path / "m.engine"
    gpus = ["--compute-capability", "8.6", "--compute-capability", "12.0"]
    result = CliRunner().invoke(app, ["build", "medium_int8", "--target", "tensorrt-rtx", "-o", str(out), *gpus])
    assert result.exit_code == 0, result.output
    assert "53 of 53 convolutions compute in int8" in result.output
    passport = json.loads((tmp_path / "m.engine.json").read_text())
    assert passport["compute_capabilities"] == ["8.6", "12.0"]
    assert passport["library_version"].startswith("1.")


def test_without_a_gpu_one_has_to_be_named(tmp_path: Path) -> None:
    from sdfl.runtime.backends.cuda.open import read_gpu

    try:
        pytest.skip(f"there is a GPU: {read_gpu().name}")
    except SdflError:
        plan = make_plan(resolve_model(), "tensorrt-rtx", out=tmp_path / "m.engine")
    with pytest.raises(SdflError, match="name one: --compute-capability, of 7.5, "):
        run_build(plan, quiet)


def test_a_graph_that_the_parser_refuses_is_one_line(tmp_path: Path) -> None:
    toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    model = toy_model.onnx.load(toy_model.save_toy_model(tmp_path / "toy.onnx"))
    next(node for node in model.graph.node if node.op_type == "Sigmoid").op_type = "NoSuchOperator"
    path = toy_model.save_with_spec(model, tmp_path / "strange.onnx")
    plan = make_plan(path, "tensorrt-rtx", out=tmp_path / "m.engine", precision="fp32", compute_capabilities=("8.9",))
    with pytest.raises(ArtifactError, match=r"strange\.onnx: TensorRT's parser refuses it") as caught:
        run_build(plan, quiet)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "m.engine").exists()
