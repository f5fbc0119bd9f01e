"""Zeros around a convolution's input belong to the convolution, where that changes no number."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from sdfl.convert.export.padding import merge_padding

RNG = np.random.default_rng(0)
IMAGE = RNG.normal(size=(1, 2, 7, 7)).astype(np.float32)


def make(
    *, rounded: bool = False, value: float = 0.0, readers: int = 1, widths: str = "0 0 0 0 0 0 1 2"
) -> onnx.ModelProto:
    """Pad, a rounding where asked for, and a 3 x 3 convolution of stride 2 that has a margin of its own."""
    stored = {
        "widths": np.array(widths.split(), np.int64),
        "value": np.float32(value),
        "weight": RNG.normal(size=(3, 2, 3, 3)).astype(np.float32),
        "step": np.float32(0.03),
        "zero": np.int8(0),
    }
    nodes = [helper.make_node("Pad", ["x", "widths", "value"], ["padded"])]
    before = "padded"
    if rounded:
        nodes.append(helper.make_node("QuantizeLinear", ["padded", "step", "zero"], ["bytes"]))
        nodes.append(helper.make_node("DequantizeLinear", ["bytes", "step", "zero"], ["back"]))
        before = "back"
    nodes.append(helper.make_node("Conv", [before, "weight"], ["y"], strides=[2, 2], pads=[1, 0, 0, 1]))
    outputs = ["y"]
    if readers == 2:
        nodes.append(helper.make_node("ReduceSum", ["padded"], ["sum"], keepdims=0))
        outputs.append("sum")
    graph = helper.make_graph(
        nodes,
        "toy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, IMAGE.shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list("abcd") if name == "y" else [])
            for name in outputs
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model: onnx.ModelProto) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results: list[np.ndarray] = session.run(None, {"x": IMAGE})
    return results


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        pytest.param({}, 0, id="before a convolution"),
        pytest.param({"rounded": True}, 0, id="before a rounding"),
        pytest.param({"value": 1.0}, 1, id="other values than 0"),
        pytest.param({"readers": 2}, 1, id="read by others too"),
        pytest.param({"widths": "0 0 -1 0 0 0 1 2"}, 1, id="cuts"),
    ],
)
def test_padding_moves_into_the_convolution(changes: dict, left: int) -> None:
    model = make(**changes)
    before = run(model)
    merge_padding(model)
    onnx.checker.check_model(model, full_check=True)
    assert sum(node.op_type == "Pad" for node in model.graph.node) == left
    for was, now in zip(before, run(model), strict=True):
        np.testing.assert_allclose(now, was, atol=1e-6)
