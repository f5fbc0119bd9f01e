"""`sdfl verify ARTIFACT --against model.onnx`: passes what is right, and names the layer of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
import toy_model
from fake_tensorrt import FakeTensorRt
from toy_engine import build_toy, quiet
from typer.testing import CliRunner

from sdfl.artifacts.passport import read_passport
from sdfl.cli import app
from sdfl.convert.bisect import ancestors, first_divergence
from sdfl.convert.engines import run_build
from sdfl.convert.engines.plan import make_plan
from sdfl.runtime.zoo import resolve_model

pytestmark = pytest.mark.slow


def verify(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["verify", *map(str, arguments)])


def test_a_right_engine_passes_and_its_passport_says_so(engine: Path, toy: Path, tmp_path: Path) -> None:
    result = verify(engine, "--against", toy, "--json", "--worst", tmp_path / "worst")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert (printed["check"], printed["passed"]) == ("source", True)
    (table,) = printed["results"]
    assert table["passed"]
    assert table["max_px"] < 0.01
    assert table["crops"] == "generated"
    assert read_passport(engine).verified == table
    assert len(list((tmp_path / "worst").glob("*.png"))) == 5


def test_an_engine_of_another_file_is_refused(engine: Path, tmp_path: Path) -> None:
    model = onnx.load(toy_model.save_toy_model(tmp_path / "other.onnx"))
    model.graph.doc_string = "another graph"
    other = toy_model.save_with_spec(model, tmp_path / "other.onnx")
    result = verify(engine, "--against", other)
    assert "was built from toy.onnx, not from" in str(result.exception)


def test_an_onnx_file_is_not_compared_with_itself(toy: Path) -> None:
    assert "was not made by `sdfl build`" in str(verify(toy, "--against", toy).exception)


def spoil(model: onnx.ModelProto, name: str) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(tensor), name))


@pytest.mark.parametrize(
    ("weights", "layer"),
    [
        pytest.param("to_nodes", "MatMul z_flat", id="near the start"),
        pytest.param("widen", "MatMul wide", id="in the middle"),
        pytest.param("to_points", "MatMul points", id="the last"),
        pytest.param("to_presence", "MatMul logit", id="in another branch"),
    ],
)
def test_the_first_layer_that_diverges_is_named(
    toy: Path, tensorrt: FakeTensorRt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, layer: str
) -> None:
    """A TensorRT that gets one layer wrong, whatever is given out."""
    from fake_tensorrt import Builder

    right = Builder.build_serialized_network

    def wrong(self: Any, network: Any, config: Any) -> Any:
        spoil(network.model, weights)
        return right(self, network, config)

    monkeypatch.setattr(Builder, "build_serialized_network", wrong)
    engine = build_toy(toy, tmp_path / "toy.engine", precision="fp32")
    result = verify(engine, "--against", toy)
    assert result.exit_code == 1
    assert f"by more than the limit, first in {layer}; do not ship this file" in str(result.exception)
    assert not read_passport(engine).verified["passed"]  # type: ignore[index]


def test_an_engine_that_computes_something_else_once_it_is_loaded(
    engine: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no build of a part repeats: it is said that no single layer is at fault."""
    from sdfl.runtime.backends.tensorrt.backend import TensorRtBackend

    right = TensorRtBackend.infer

    def shifted(self: Any, crops: Any) -> Any:
        prediction = right(self, crops)
        prediction.points[...] += 1.0
        return prediction

    monkeypatch.setattr(TensorRtBackend, "infer", shifted)
    result = verify(engine, "--against", toy)
    assert result.exit_code == 1
    assert "in no single layer" in str(result.exception)


@pytest.mark.data
@pytest.mark.parametrize("name", ["medium", "medium_int8"])
def test_shipped_irs_pass_on_faces(data_dir: Path, tmp_path: Path, name: str) -> None:
    built = run_build(make_plan(resolve_model(name), "openvino", out=tmp_path / "m.xml"), quiet)
    from sdfl.convert.compare.artifact import check

    few = tmp_path / "few"
    few.mkdir()
    for path in sorted((data_dir / "300w" / "helen" / "testset").glob("*.pts"))[:32]:
        for part in path.parent.glob(f"{path.stem}.*"):
            (few / part.name).symlink_to(part)
    comparison = check(built.path, resolve_model(name), data=few).comparison
    assert comparison.passed, comparison
    assert comparison.crops == "real"
    assert comparison.nme_percent == pytest.approx(comparison.reference_nme_percent, abs=0.05)


def test_the_search_goes_up_the_branch_that_is_wrong() -> None:
    parents = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": ["d"], "other": ["a"]}
    wrong = {"c", "d", "e"}
    assert first_divergence(parents, ["other", "e"], wrong.__contains__) == "c"
    assert first_divergence(parents, ["other"], wrong.__contains__) is None
    assert ancestors(parents, "d") == ["a", "b", "c", "d"]
