"""What keeps an int8 ONNX file from running as int8 everywhere. Each fault names the layer.

The rules are TensorRT's explicit quantization (symmetric int8, zero-point 0, weights per channel, both inputs of a
residual addition), which OpenVINO follows as well. The operator of domain `sdfl`, and what leads to it alone, may be
float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from sdfl.artifacts.landmark_spec import OPERATOR_DOMAIN as DOMAIN
from sdfl.artifacts.names import FP16_SUFFIX
from sdfl.errors import ArtifactError

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
_WEIGHTED = ("Conv", "ConvTranspose", "MatMul", "Gemm")
_SAME_VALUES = ("Reshape", "Transpose", "Identity", "Flatten", "Squeeze", "Unsqueeze", DEQUANTIZE)


@dataclass(frozen=True)
class Fault:
    """What is wrong with an int8 file.

    Attributes:
        rule: a key of RULES.
        layer: the layer's name in the network, or the node's in the file.
        message: what is wrong with it.
    """

    rule: str
    layer: str
    message: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.message} ({self.rule})"


@dataclass
class Graph:
    """A model with the tables that the rules use.

    Attributes:
        model: the model.
        nodes: of the graph.
        producer: tensor -> the node that computes it.
        constants: name -> initialiser.
        readers: tensor -> the nodes that read it.
    """

    model: onnx.ModelProto
    nodes: list[NodeProto] = field(init=False)
    producer: dict[str, NodeProto] = field(init=False)
    constants: dict[str, TensorProto] = field(init=False)
    readers: dict[str, list[NodeProto]] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = list(self.model.graph.node)
        self.producer = {name: node for node in self.nodes for name in node.output}
        self.constants = {tensor.name: tensor for tensor in self.model.graph.initializer}
        self.readers = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)

    def value(self, name: str) -> npt.NDArray[np.floating] | None:
        """The values of a constant, None for any other tensor."""
        return np.asarray(numpy_helper.to_array(self.constants[name])) if name in self.constants else None

    def source(self, name: str) -> NodeProto | None:
        """The node that computes `name`, None for inputs and constants."""
        return self.producer.get(name)

    def weight(self, node: NodeProto) -> str:
        """The constant that a layer multiplies by, looked for through a dequantization or a cast; "" for none."""
        for name in reversed(node.input[:2]):
            while name not in self.constants and name in self.producer and len(self.producer[name].input):
                source = self.producer[name]
                if source.op_type not in (QUANTIZE, *_SAME_VALUES, "Cast"):
                    break
                name = source.input[0]
            if name in self.constants:
                return str(name)
        return ""

    def layer(self, node: NodeProto) -> str:
        """The name of a layer after its weights, of any other node after the nearest layer before it."""
        seen: set[str] = set()
        queue = [node]
        while queue:
            at = queue.pop(0)
            if at.op_type in _WEIGHTED and (weight := self.weight(at)):
                name = weight.removeprefix("network.").removesuffix(FP16_SUFFIX).removesuffix(".weight")
                return str(name) if at is node else f"{node.op_type} after {name}"
            for name in at.input:
                if name in self.producer and name not in seen:
                    seen.add(name)
                    queue.append(self.producer[name])
        return node.name or node.op_type

    def leads_to_convolution(self, node: NodeProto) -> bool:
        """Whether a convolution reads what `node` computes, the operator's outputs not counted."""
        seen: set[str] = set()
        queue = list(node.output)
        while queue:
            name = queue.pop()
            for reader in self.readers.get(name, ()):
                if reader.op_type == "Conv":
                    return True
                if reader.domain != DOMAIN and reader.name not in seen:
                    seen.add(reader.name)
                    queue += reader.output
        return False

    def is_int8(self, name: str) -> bool:
        """Whether `name` was dequantized; a change of shape in between does not matter."""
        source = self.source(name)
        while source is not None and source.op_type in _SAME_VALUES and source.op_type != DEQUANTIZE:
            source = self.source(source.input[0])
        return source is not None and source.op_type == DEQUANTIZE


def lint(path: Path) -> list[Fault]:
    """Check an ONNX file by all RULES.

    Returns:
        What is wrong; empty for a file that is int8 everywhere it should be.

    Raises:
        ArtifactError: it is no ONNX file.
    """
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's errors differ between its implementations
        raise ArtifactError(f"{path}: is not a complete ONNX file; copy or export it again") from error
    graph = Graph(model)
    if not any(node.op_type == QUANTIZE for node in graph.nodes):
        return [Fault("float island", "the whole file", "nothing is quantized; export an int8 checkpoint")]
    return [Fault(rule, layer, message) for rule, check in RULES.items() for layer, message in check(graph)]


Found = Iterator[tuple[str, str]]


def _float_islands(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type not in _WEIGHTED or not graph.weight(node):
            continue
        are_int8 = [graph.is_int8(name) for name in node.input[:2]]
        must = node.op_type.startswith("Conv") or graph.leads_to_convolution(node)
        if any(are_int8) and not all(are_int8):
            yield graph.layer(node), "only its weight is int8" if are_int8[1] else "only its input is int8"
        elif must and not all(are_int8):
            yield graph.layer(node), f"this {node.op_type} computes in float"


def _unfused_norms(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type in ("BatchNormalization", "InstanceNormalization"):
            yield graph.layer(node), "its normalisation is not folded into the weights"


def _quantized_twice(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type != QUANTIZE:
            continue
        siblings = [reader for reader in graph.readers[node.input[0]] if reader.op_type == QUANTIZE]
        if len(siblings) > 1 and siblings[0] is node:
            yield graph.layer(node), f"its output is quantized {len(siblings)} times"
        if graph.is_int8(node.input[0]):
            yield graph.layer(node), "its output is quantized, dequantized and quantized again"


def _zero_points(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type not in (QUANTIZE, DEQUANTIZE):
            continue
        name = node.input[2] if len(node.input) > 2 else ""
        if not name and node.op_type == DEQUANTIZE:
            stored = graph.constants.get(node.input[0])
            if stored is not None and stored.data_type != TensorProto.INT8:
                yield graph.layer(node), f"its constant is {_kind(stored)}, not int8"
            continue
        if not name:
            yield graph.layer(node), "has no zero-point, which means uint8"
        elif name not in graph.constants:
            yield graph.layer(node), "its zero-point is not a constant"
        elif graph.constants[name].data_type != TensorProto.INT8:
            yield graph.layer(node), f"its zero-point is {_kind(graph.constants[name])}, not int8"
        elif np.any(graph.value(name)):
            yield graph.layer(node), "is asymmetric: its zero-point is not 0"


def _kind(tensor: TensorProto) -> str:
    return str(TensorProto.DataType.Name(tensor.data_type)).lower()


def _residual_inputs(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type != "Add" or any(name in graph.constants for name in node.input):
            continue
        if graph.leads_to_convolution(node):
            missing = [index for index, name in enumerate(node.input) if not graph.is_int8(name)]
            for index in missing:
                yield graph.layer(node), f"input {index} of a residual addition is not quantized"


def _weights(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type == QUANTIZE and node.input[0] in graph.constants:
            yield _name(node), "its weight is stored in float behind a quantization"
        elif node.op_type == DEQUANTIZE and node.input[0] in graph.constants:
            scale = graph.value(node.input[1])
            if scale is None or scale.ndim != 1:
                yield _name(node), "its weight has one scale, not one a channel"
            if len(node.input) > 2 and len(graph.readers[node.input[2]]) > 1:
                yield (
                    _name(node),
                    "shares its zero-points with other layers, which keeps OpenVINO in float; leave them out",
                )


def _name(node: NodeProto) -> str:
    return str(node.input[0].removeprefix("network.").removesuffix(".weight"))


def _scales(graph: Graph) -> Found:
    for node in graph.nodes:
        if node.op_type in (QUANTIZE, DEQUANTIZE):
            scale = graph.value(node.input[1])
            if scale is None:
                yield graph.layer(node), "its scale is not a constant"
            elif not (np.isfinite(scale).all() and (scale > 0).all()):
                yield graph.layer(node), "its scale is not a positive number"


RULES: dict[str, Callable[[Graph], Found]] = {
    "float island": _float_islands,
    "unfused normalisation": _unfused_norms,
    "quantized twice": _quantized_twice,
    "zero-point": _zero_points,
    "residual input": _residual_inputs,
    "weight": _weights,
    "scale": _scales,
}
