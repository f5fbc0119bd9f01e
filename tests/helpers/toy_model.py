"""A tiny network with the operator in it, as an ONNX file and by its formula in numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.onnx_metadata import read_metadata
from sdfl.artifacts.seal import OF_ONNX
from sdfl.types import Image, Prediction

POINTS, NEIGHBOURS, CHANNELS, SIZE = 68, 4, 8, 64
CELLS = 4  # the picture is averaged to CELLS x CELLS
Weights = dict[str, npt.NDArray[Any]]  # float32, and int32 neighbours


def make_weights() -> Weights:
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        drawn: npt.NDArray[np.float64] = rng.standard_normal(shape) / np.sqrt(shape[0])
        return drawn.astype(np.float32)

    features = 3 * CELLS * CELLS
    return {
        "mean": np.array([103.53, 116.28, 123.675], np.float32).reshape(1, 3, 1, 1),
        "to_nodes": normal(features, 2 * POINTS * CHANNELS) / 30,
        "to_attention": normal(features, POINTS * NEIGHBOURS) / 30,
        "neighbours": rng.integers(0, 2 * POINTS, (POINTS, NEIGHBOURS)).astype(np.int32),
        "bias": normal(CHANNELS),
        "widen": normal(CHANNELS, 2 * CHANNELS),
        "to_points": normal(CHANNELS, 2),
        "to_presence": normal(features, 1) / 30,
    }


def function_proto() -> onnx.FunctionProto:
    """The operator from standard operators, as it travels in the file."""
    node = onnx.helper.make_node
    leaky = node("LeakyRelu", ["shifted"], ["y"])
    leaky.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    return onnx.helper.make_function(
        "sdfl",
        "SparseGraphConv",
        ["z", "attention", "neighbours", "bias"],
        ["y"],
        [
            node("Gather", ["z", "neighbours"], ["gathered"], axis=1),
            node("Constant", [], ["last"], value_ints=[-1]),
            node("Constant", [], ["over"], value_ints=[2]),
            node("Unsqueeze", ["attention", "last"], ["weights"]),
            node("Mul", ["gathered", "weights"], ["weighted"]),
            node("ReduceSum", ["weighted", "over"], ["summed"], keepdims=0),
            node("Add", ["summed", "bias"], ["shifted"]),
            leaky,
        ],
        [onnx.helper.make_opsetid("", 18)],
        ["slope"],
    )


def graph_proto(weights: Weights) -> onnx.GraphProto:
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    kernel = SIZE // CELLS
    shapes = {
        "flat": [0, -1],
        "nodes": [-1, 2 * POINTS, CHANNELS],
        "edges": [-1, POINTS, NEIGHBOURS],
        "pairs": [-1, 2 * POINTS, CHANNELS],
        "batch": [-1],
    }
    constants = weights | {f"shape_{name}": np.array(shape, np.int64) for name, shape in shapes.items()}
    graph = [
        node("Cast", ["image"], ["floats"], to=onnx.TensorProto.FLOAT),
        node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        node("Sub", ["planes", "mean"], ["centred"]),
        node("AveragePool", ["centred"], ["cells"], kernel_shape=[kernel, kernel], strides=[kernel, kernel]),
        node("Reshape", ["cells", "shape_flat"], ["features"]),
        node("MatMul", ["features", "to_nodes"], ["z_flat"]),
        node("Reshape", ["z_flat", "shape_nodes"], ["z1"]),
        node("MatMul", ["features", "to_attention"], ["scores_flat"]),
        node("Reshape", ["scores_flat", "shape_edges"], ["scores"]),
        node("Softmax", ["scores"], ["attention"], axis=-1),
        node("SparseGraphConv", ["z1", "attention", "neighbours", "bias"], ["h"], domain="sdfl", slope=0.2),
        node("MatMul", ["h", "widen"], ["wide"]),
        node("Reshape", ["wide", "shape_pairs"], ["z2"]),
        node("SparseGraphConv", ["z2", "attention", "neighbours", "bias"], ["relu"], domain="sdfl", slope=0.0),
        node("SparseGraphConv", ["z2", "attention", "neighbours", "bias"], ["linear"], domain="sdfl", slope=1.0),
        node("Add", ["relu", "linear"], ["both"]),
        node("MatMul", ["both", "to_points"], ["points"]),
        node("Constant", [], ["channels"], value_ints=[2]),
        node("ReduceMean", ["both", "channels"], ["log_scale"], keepdims=0),
        node("MatMul", ["features", "to_presence"], ["logit"]),
        node("Sigmoid", ["logit"], ["chance"]),
        node("Reshape", ["chance", "shape_batch"], ["presence"]),
    ]
    floats, uint8 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8
    outputs: dict[str, list[str | int | None]] = {
        "points": ["B", POINTS, 2],
        "presence": ["B"],
        "log_scale": ["B", POINTS],
    }
    return onnx.helper.make_graph(
        graph,
        "toy",
        [value("image", uint8, ["B", SIZE, SIZE, 3])],
        [value(name, floats, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )


def numpy_reference(image: Image, weights: Weights) -> Prediction:
    """The same network by the formula of the operator's contract."""
    batch, kernel = len(image), SIZE // CELLS
    centred = image.astype(np.float64).transpose(0, 3, 1, 2) - weights["mean"]
    cells = centred.reshape(batch, 3, CELLS, kernel, CELLS, kernel).mean(axis=(3, 5))
    features = cells.reshape(batch, -1)
    exp = np.exp((features @ weights["to_attention"]).reshape(batch, POINTS, NEIGHBOURS))
    attention = exp / exp.sum(axis=-1, keepdims=True)

    def graph_conv(z: npt.NDArray[np.float64], slope: float) -> npt.NDArray[np.float64]:
        x: npt.NDArray[np.float64] = (
            np.einsum("bnk,bnkc->bnc", attention, z[:, weights["neighbours"]]) + weights["bias"]
        )
        return np.where(x >= 0, x, slope * x)

    h = graph_conv((features @ weights["to_nodes"]).reshape(batch, 2 * POINTS, CHANNELS), 0.2)
    z2 = (h @ weights["widen"]).reshape(batch, 2 * POINTS, CHANNELS)
    both = graph_conv(z2, 0.0) + graph_conv(z2, 1.0)
    presence = 1 / (1 + np.exp(-(features @ weights["to_presence"])))[:, 0]
    parts = (both @ weights["to_points"], presence, both.mean(axis=2))
    return Prediction(*(part.astype(np.float32) for part in parts))


def save_toy_model(path: Path) -> Path:
    """The toy network with its metadata. Returns `path`."""
    imports = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("sdfl", 1)]
    graph, functions = graph_proto(make_weights()), [function_proto()]
    model = onnx.helper.make_model(graph, functions=functions, opset_imports=imports, ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return save_with_spec(model, path)


def save_with_spec(model: onnx.ModelProto, path: Path) -> Path:
    """Write `model` with metadata that fit its graph. Returns `path`."""
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())
    spec = ModelSpec("toy", "ibug68", POINTS, SIZE, graph_sha256=read_metadata(path)[1])
    onnx.helper.set_model_props(model, spec.to_metadata())
    path.write_bytes(model.SerializeToString())
    OF_ONNX.add(path)
    return path
