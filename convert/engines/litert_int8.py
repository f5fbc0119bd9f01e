"""Int8 for LiteRT: its own quantizer, with the weights and ranges that quantization-aware training found.

LiteRT's converter refuses a graph of QuantizeLinear and DequantizeLinear. So these are taken out, the float network
with the int8 file's weights is converted, and the quantizer puts int8 back. It knows tensors by names of its own; which
of them is which tensor of the ONNX file is told by their values on a drawn face.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from sdfl.artifacts.names import INPUT
from sdfl.errors import ArtifactError
from sdfl.runtime.backends.litert import load_litert

Array = npt.NDArray[Any]
Range = tuple[float, float]
LOWEST, HIGHEST = -128, 127
STATIC = ("CONV_2D", "DEPTHWISE_CONV_2D", "PAD")  # int8 from input to output; so are sums of feature maps
DYNAMIC = "FULLY_CONNECTED"  # int8 weights; the input is rounded by its own range, for the file states none of outputs
_SAME = 1e-4  # relative difference of the sums of a tensor in torch and in LiteRT


def remove_quantization(model: onnx.ModelProto) -> dict[str, Range]:
    """Make the float graph that an int8 file stands for, in place.

    Args:
        model: with QuantizeLinear and DequantizeLinear, symmetric as `sdfl export` writes them.

    Returns:
        Name of each tensor that was rounded -> the range that int8 covers. What no negative number reaches, behind a
        ReLU, has a range from 0 on: its 256 steps are then twice as fine.
    """
    graph = model.graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    positive = {node.output[0] for node in graph.node if node.op_type == "Relu"}
    ranges: dict[str, Range] = {}
    plain: dict[str, str] = {}  # a rounded tensor -> the tensor before rounding
    kept = []
    for node in graph.node:
        source = plain.get(node.input[0], node.input[0]) if node.input else ""
        if node.op_type == "DequantizeLinear" and source in stored:
            weights = _weights(stored[source], stored[node.input[1]], node)
            graph.initializer.append(numpy_helper.from_array(weights, node.output[0]))
        elif node.op_type == "QuantizeLinear":
            scale = float(stored[node.input[1]])
            ranges[source] = (0.0 if source in positive else LOWEST * scale, HIGHEST * scale)
            plain[node.output[0]] = source
        elif node.op_type == "DequantizeLinear":
            plain[node.output[0]] = source
        else:
            node.input[:] = [plain.get(name, name) for name in node.input]
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    return ranges


def quantize(
    network: bytes, ranges: Mapping[str, Range], values: Callable[[Array], Mapping[str, Array]], crop: Array, path: Path
) -> bytes:
    """Quantize a float network of LiteRT.

    Args:
        network: that was converted from the graph of `remove_quantization`.
        ranges: that `remove_quantization` gave.
        values: computes every tensor of that graph from a crop (1, S, S, 3) uint8.
        crop: (1, S, S, 3) uint8, on which tensors are compared.
        path: of the source, for errors.

    Returns:
        The int8 network.

    Raises:
        ArtifactError: a tensor that has to be rounded has no range in the file.
    """
    from ai_edge_quantizer import quantizer, recipe_manager
    from ai_edge_quantizer.qtyping import TFLOperationName

    operations, there = _inspect(network, crop)
    known = _ranges_by_sums(ranges, values(crop))
    recipe = recipe_manager.RecipeManager()
    for kind in STATIC:
        recipe.add_static_config(".*", TFLOperationName[kind], 8, 8)
    recipe.add_dynamic_config(".*", TFLOperationName[DYNAMIC], 8)
    sums = [output for kind, _, output in operations if kind == "ADD" and there[output].ndim == 4]
    for name in sums:
        recipe.add_static_config(_exactly(name), TFLOperationName.ADD, 8, 8)
    statistics = {}
    for kind, inputs, output in operations:
        if kind in STATIC or output in sums:
            for name in (*inputs, output):
                if there[name].ndim == 4 and name not in statistics:
                    statistics[name] = _statistics(_find(known, there[name], name, path), there[name].ndim)
    with redirect_stderr(io.StringIO()):  # it draws bars there, whatever it is told
        made = quantizer.Quantizer(network, recipe.get_quantization_recipe()).quantize(
            statistics, enable_progress_bar=False, enable_progress_report=False
        )
    return bytes(made.quantized_model)


def _weights(steps: Array, scale: Array, node: onnx.NodeProto) -> Array:
    axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
    shape = [1] * steps.ndim
    if scale.ndim:
        shape[axis] = -1
    return steps.astype(np.float32) * scale.astype(np.float32).reshape(shape)


def _inspect(network: bytes, crop: Array) -> tuple[list[tuple[str, list[str], str]], dict[str, Array]]:
    """Kind, names of computed inputs and name of the output of every operation; and every computed tensor."""
    library = load_litert()
    interpreter = library.Interpreter(
        model_content=network,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    interpreter.set_tensor(entry["index"], crop)
    interpreter.invoke()
    names = {tensor["index"]: str(tensor["name"]) for tensor in interpreter.get_tensor_details()}
    there: dict[str, Array] = {INPUT: crop}
    operations = []
    for operation in interpreter._get_ops_details():
        output = int(operation["outputs"][0])
        inputs = [names[int(index)] for index in operation["inputs"] if names.get(int(index)) in there]
        there[names[output]] = interpreter.get_tensor(output)
        operations.append((str(operation["op_name"]), inputs, names[output]))
    return operations, there


def _ranges_by_sums(ranges: Mapping[str, Range], values: Mapping[str, Array]) -> list[tuple[Array, Range]]:
    return [(_sums(values[name]), limits) for name, limits in ranges.items()]


def _sums(tensor: Array) -> Array:
    """Numbers that neither the order of axes nor a border of zeros changes."""
    exact = tensor.astype(np.float64)
    return np.array([np.abs(exact).sum(), exact.max(initial=0.0), exact.min(initial=0.0), np.square(exact).sum()])


def _find(known: list[tuple[Array, Range]], tensor: Array, name: str, path: Path) -> Range:
    wanted = _sums(tensor)
    nearest, limits = min(known, key=lambda entry: float(np.abs(entry[0] - wanted).max()))
    if np.abs(nearest - wanted).max() > _SAME * wanted.max():
        raise ArtifactError(
            f"{path}: states no range for what LiteRT calls {name}; quantize the model again with `sdfl quantize`"
        )
    return limits


def _statistics(limits: Range, axes: int) -> dict[str, Array]:
    """As LiteRT's quantizer keeps what it has measured."""
    low, high = (np.full((1,) * axes, limit, np.float32) for limit in limits)
    return {"min": low, "max": high}


def _exactly(name: str) -> str:
    """An expression for this name alone; the quantizer may add a semicolon."""
    return f"^{re.escape(name)};?$"
