"""`sdfl build --target litert`: the graph as a torch module, int8 taken out and put back, and the file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import toy_model
import toy_tflite
from onnx import helper
from toy_engine import quiet
from typer.testing import CliRunner

from sdfl.artifacts.drawn_face import drawn_crop
from sdfl.artifacts.litert_file import with_passport
from sdfl.artifacts.model_file import read_built, read_spec
from sdfl.cli import app
from sdfl.convert.compare.artifact import check
from sdfl.convert.compare.runtimes import LIMIT_INT8_PX, LIMIT_PX
from sdfl.convert.engines import run_build
from sdfl.convert.engines.onnx_copy import make_copy
from sdfl.convert.engines.plan import CopyOptions, make_plan
from sdfl.errors import ArtifactError, MissingDependency
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.zoo import resolve_model

torch = pytest.importorskip("torch", reason="needs the extra convert")


def graph_of(path: Path) -> tuple[Any, dict[str, tuple[float, float]]]:
    from sdfl.convert.engines.litert_int8 import remove_quantization
    from sdfl.convert.engines.torch_graph import TorchGraph

    model = make_copy(path, CopyOptions(batch=1))
    ranges = remove_quantization(model)
    return TorchGraph(model, path).eval(), ranges


@pytest.mark.parametrize(
    ("name", "limit_px"),
    [
        pytest.param("small", LIMIT_PX, id="float: the same sums"),
        pytest.param("small_int8", LIMIT_INT8_PX, id="int8: the same weights, activations not rounded"),
    ],
)
def test_the_torch_module_computes_what_the_file_computes(name: str, limit_px: float) -> None:
    path = resolve_model(name)
    crop = drawn_crop(read_spec(path).input_size, 0)[None]
    graph, ranges = graph_of(path)
    with torch.no_grad():
        found = graph(torch.from_numpy(crop))
    wanted = OnnxRuntimeBackend(path).infer(crop)
    assert np.abs(found["points"].numpy() - wanted.points).mean() < limit_px
    assert np.abs(found["log_scale"].numpy() - wanted.log_scale).max() < limit_px
    assert len(ranges) == (51 if name.endswith("int8") else 0), "one for each QuantizeLinear of the file"
    assert all(low <= 0 < high for low, high in ranges.values())


def test_both_kinds_of_weights_are_known(exported: Path) -> None:
    crop = drawn_crop(96, 0)[None]
    graph, _ = graph_of(exported)
    with torch.no_grad():
        found = graph(torch.from_numpy(crop))["points"].numpy()
    np.testing.assert_allclose(found, OnnxRuntimeBackend(exported).infer(crop).points, atol=LIMIT_PX)


def one_node(kind: str, **attributes: Any) -> onnx.ModelProto:
    floats = onnx.TensorProto.FLOAT
    weights = helper.make_tensor("weights", floats, (1, 1, 3, 3), [1.0] * 9)
    graph = helper.make_graph(
        [helper.make_node(kind, ["image", "weights"], ["y"], "first", **attributes)],
        "one",
        [helper.make_tensor_value_info("image", floats, (1, 1, 8, 8))],
        [helper.make_tensor_value_info("y", floats, None)],
        [weights],
    )
    return helper.make_model(graph)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        pytest.param(one_node("ConvTranspose"), r"m\.onnx: the node first is a ConvTranspose, .*known are", id="kind"),
        pytest.param(one_node("Conv", domain="other"), r"m\.onnx: the node first is a other::Conv", id="domain"),
        pytest.param(
            one_node("Conv", auto_pad="SAME_UPPER"),
            r"m\.onnx: the node first is a Conv, of a form .*auto_pad is b'SAME_UPPER'",
            id="form",
        ),
    ],
)
def test_what_is_not_known_is_refused_by_name(model: onnx.ModelProto, message: str) -> None:
    from sdfl.convert.engines.torch_graph import TorchGraph

    with pytest.raises(ArtifactError, match=message) as caught:
        TorchGraph(model, Path("m.onnx"))(torch.zeros(1, 1, 8, 8))
    assert "\n" not in str(caught.value)


def test_without_the_converter_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litert_torch", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingDependency, match=r"litert-torch .*into an environment of its own .*\[litert-convert\]"):
        run_build(make_plan(resolve_model("nano"), "litert"), quiet)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("--max-faces", "2"), "one face after the other; leave it out", id="batch"),
        pytest.param(("--precision", "fp16"), "small.onnx is fp32, which becomes fp32; leave it out", id="fp16"),
        pytest.param(("--copy", "c.onnx"), "what TensorRT gets, which litert does not", id="copy"),
    ],
)
def test_options_of_other_targets_are_refused(words: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["build", "small", "--target", "litert", *words])
    assert message in str(result.exception)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "limit"), [pytest.param("nano", "max", id="float"), pytest.param("nano_int8", "mean", id="int8")]
)
def test_a_built_file_computes_what_its_source_computes(tmp_path: Path, name: str, limit: str) -> None:
    pytest.importorskip("litert_torch", reason="LiteRT's converter is not installed (extra litert-convert)")
    source, out = resolve_model(name), tmp_path / "m.tflite"
    run_build(make_plan(source, "litert", out=out), quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]
    result = check(out, source).comparison
    assert (result.limits.statistic, result.passed) == (limit, True), result
    passport = read_built(out)
    assert passport is not None
    assert passport.source == source.name


def test_a_file_that_differs_from_its_source_is_told_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (extra litert)")
    source, built = toy_model.save_toy_model(tmp_path / "toy.onnx"), tmp_path / "toy.tflite"
    content = toy_tflite.network()  # another network, said to be built from the source
    passport = toy_tflite.passport_of(content, toy_tflite.make_spec())
    sha256 = read_spec(source).graph_sha256
    built.write_bytes(with_passport(content, replace(passport, source_sha256=sha256)))
    result = CliRunner().invoke(app, ["verify", str(built), "--against", str(source)])
    assert isinstance(result.exception, ArtifactError)
    assert str(result.exception).endswith("toy.onnx by more than the limit; do not ship this file")
    assert "\n" not in str(result.exception)
