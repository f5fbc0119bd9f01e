"""The lint finds each fault that was put into a good file, and names the layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from sdfl.cli.verify import verify
from sdfl.convert.lint import lint
from sdfl.errors import ArtifactError

Spoil = Callable[[onnx.GraphProto], None]
STEM = "backbone.stem.0"


def node_of(graph: onnx.GraphProto, kind: str, index: int = 0) -> onnx.NodeProto:
    nodes: list[onnx.NodeProto] = [node for node in graph.node if node.op_type == kind]
    return nodes[index]


def producer(graph: onnx.GraphProto, name: str) -> onnx.NodeProto:
    node: onnx.NodeProto = next(node for node in graph.node if name in node.output)
    return node


def constant(graph: onnx.GraphProto, array: np.ndarray, name: str) -> str:
    graph.initializer.append(numpy_helper.from_array(array, name))
    return name


def float_convolution(graph: onnx.GraphProto) -> None:
    conv = node_of(graph, "Conv")
    conv.input[0] = producer(graph, producer(graph, conv.input[0]).input[0]).input[0]
    conv.input[1] = constant(graph, np.zeros((16, 3, 3, 3), np.float32), "network.backbone.stem.0.weight.float")


def half_float(graph: onnx.GraphProto) -> None:
    conv = node_of(graph, "Conv")
    conv.input[0] = producer(graph, producer(graph, conv.input[0]).input[0]).input[0]


def normalisation(graph: onnx.GraphProto) -> None:
    conv = node_of(graph, "Conv")
    names = [constant(graph, np.ones(16, np.float32), f"norm{i}") for i in range(4)]
    graph.node.append(helper.make_node("BatchNormalization", [conv.output[0], *names], ["normed"], "norm"))


def twice(graph: onnx.GraphProto) -> None:
    first = node_of(graph, "QuantizeLinear", 1)
    again = helper.make_node("QuantizeLinear", list(first.input), ["again"], "again")
    graph.node.append(again)


def again_after_dequantizing(graph: onnx.GraphProto) -> None:
    value = next(node for node in graph.node if node.op_type == "DequantizeLinear" and len(node.input) == 3)
    graph.node.append(helper.make_node("QuantizeLinear", [value.output[0], *value.input[1:]], ["again"], "again"))


def asymmetric(graph: onnx.GraphProto) -> None:
    node_of(graph, "QuantizeLinear", 1).input[2] = constant(graph, np.int8(-128), "low")


def unsigned(graph: onnx.GraphProto) -> None:
    node_of(graph, "QuantizeLinear", 1).input[2] = constant(graph, np.uint8(0), "unsigned")


def implied_unsigned(graph: onnx.GraphProto) -> None:
    del node_of(graph, "QuantizeLinear", 1).input[2:]


def wide_bias(graph: onnx.GraphProto) -> None:
    conv = node_of(graph, "Conv")
    names = [constant(graph, np.zeros(16, np.int32), "wide"), constant(graph, np.float32(0.1), "wide_scale")]
    names.append(constant(graph, np.int32(0), "wide_zero"))
    graph.node.append(helper.make_node("DequantizeLinear", names, ["wide_bias"], "wide_bias"))
    conv.input[2] = "wide_bias"


def bare_residual(graph: onnx.GraphProto) -> None:
    add = next(node for node in graph.node if node.op_type == "Add")
    add.input[1] = producer(graph, producer(graph, add.input[1]).input[0]).input[0]


def one_scale(graph: onnx.GraphProto) -> None:
    weight = next(node for node in graph.node if node.op_type == "DequantizeLinear" and "stem" in node.input[0])
    weight.input[1] = constant(graph, np.float32(0.1), "one")


def float_weight(graph: onnx.GraphProto) -> None:
    conv = node_of(graph, "Conv")
    weight = producer(graph, conv.input[1])
    names = [constant(graph, np.zeros((16, 3, 3, 3), np.float32), "network.backbone.stem.0.weight.float")]
    names += [weight.input[1], constant(graph, np.zeros(16, np.int8), "zeros")]
    graph.node.append(helper.make_node("QuantizeLinear", names, ["levels"], "levels", axis=0))
    weight.input[0] = "levels"


def shared_zero_points(graph: onnx.GraphProto) -> None:
    zeros = constant(graph, np.zeros(16, np.int8), "shared")
    weights = [node for node in graph.node if node.op_type == "DequantizeLinear" and len(node.input) == 2]
    for weight in weights[:2]:
        weight.input.append(zeros)


def bad_scale(graph: onnx.GraphProto) -> None:
    node_of(graph, "QuantizeLinear", 1).input[1] = constant(graph, np.float32(0), "nothing")


@pytest.mark.parametrize(
    ("spoil", "rule", "layer", "message"),
    [
        pytest.param(float_convolution, "float island", STEM, "this Conv computes in float", id="float convolution"),
        pytest.param(half_float, "float island", STEM, "only its weight is int8", id="only the weight is int8"),
        pytest.param(normalisation, "unfused normalisation", STEM, "not folded", id="normalisation"),
        pytest.param(twice, "quantized twice", STEM, "quantized 2 times", id="two ranges for one value"),
        pytest.param(again_after_dequantizing, "quantized twice", "", "quantized again", id="rounded again"),
        pytest.param(asymmetric, "zero-point", STEM, "asymmetric", id="asymmetric"),
        pytest.param(unsigned, "zero-point", STEM, "uint8, not int8", id="unsigned"),
        pytest.param(implied_unsigned, "zero-point", STEM, "means uint8", id="a missing one is unsigned"),
        pytest.param(wide_bias, "zero-point", "", "int32, not int8", id="int32 bias"),
        pytest.param(bare_residual, "residual input", "Add after backbone.blocks", "input 1", id="residual input"),
        pytest.param(one_scale, "weight", STEM, "one scale, not one a channel", id="one scale a layer"),
        pytest.param(float_weight, "weight", STEM, "stored in float", id="float weight"),
        pytest.param(shared_zero_points, "weight", STEM, "shares its zero-points", id="shared zero-points"),
        pytest.param(bad_scale, "scale", STEM, "not a positive number", id="scale zero"),
    ],
)
def test_faults_are_found(exported: Path, tmp_path: Path, spoil: Spoil, rule: str, layer: str, message: str) -> None:
    model = onnx.load(exported)
    spoil(model.graph)
    onnx.save(model, tmp_path / "bad.onnx")
    found = [fault for fault in lint(tmp_path / "bad.onnx") if fault.rule == rule]
    assert any(message in fault.message and layer in fault.layer for fault in found), [str(fault) for fault in found]


def test_a_good_file_has_none(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verify(exported, quant=True)
    assert "int8 in every layer that should be" in capsys.readouterr().out


def test_a_float_file_is_one_fault(exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    kept = [node for node in model.graph.node if "Quantize" not in node.op_type and "Dequantize" not in node.op_type]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, tmp_path / "float.onnx")
    assert [fault.message for fault in lint(tmp_path / "float.onnx")] == [
        "nothing is quantized; export an int8 checkpoint"
    ]
    with pytest.raises(ArtifactError, match="1 faults of quantization"):
        verify(tmp_path / "float.onnx", quant=True)


def test_no_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\xff")
    with pytest.raises(ArtifactError, match=r"m\.onnx: is not a complete ONNX file"):
        lint(tmp_path / "m.onnx")
