"""An ONNX graph of standard operators as a torch module, for converters that start from torch.

It knows the operators of the project's own float networks, and refuses every other one by name: a node that is left
out or computed a little differently would be found only later, as wrong points.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from sdfl.errors import ArtifactError

Array = npt.NDArray[Any]
_DTYPES = {TensorProto.FLOAT: torch.float32, TensorProto.INT32: torch.int32, TensorProto.INT64: torch.int64}
_NOT_PADDED = (b"NOTSET", b"VALID")


class _Unsupported(Exception):
    """A form of an operator that is not translated; the message says which."""


@dataclass(frozen=True)
class _Call:
    """A node and the values of its inputs.

    Attributes:
        tensors: of the inputs, None for those that are left out.
        stored: what the file stores for an input, None for those that are computed.
        attributes: name -> value.
    """

    tensors: list[Tensor | None]
    stored: list[Array | None]
    attributes: dict[str, Any]

    def has(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self.tensors) and self.tensors[index] is not None

    def tensor(self, index: int = 0) -> Tensor:
        """The value of an input."""
        value = self.tensors[index] if index < len(self.tensors) else None
        if value is None:
            raise _Unsupported(f"its input {index} is left out")
        return value

    def numbers(self, index: int) -> list[int]:
        """Whole numbers that the file stores, such as axes or a shape."""
        value = self.stored[index] if index < len(self.stored) else None
        if value is None:
            raise _Unsupported(f"its input {index} is computed, not stored")
        return [int(number) for number in value.reshape(-1)]

    def limit(self, index: int) -> float | None:
        """A number that the file stores, None where the input is left out."""
        if not self.has(index):
            return None
        value = self.stored[index]
        if value is None:
            raise _Unsupported(f"its input {index} is computed, not stored")
        return float(value.item())

    def get(self, name: str, default: Any) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def require(self, name: str, *allowed: Any) -> None:
        """Refuse an attribute that is there with another value than these."""
        value = self.attributes.get(name, allowed[0])
        if value not in allowed:
            raise _Unsupported(f"{name} is {value!r}")


class TorchGraph(nn.Module):
    """An ONNX graph as a module that gives the graph's outputs by their names.

    Args:
        model: with one input and standard operators only; nodes in the order in which they are computed.
        origin: the file, for errors.

    Raises:
        ArtifactError: names the node that is of an unknown kind.
    """

    def __init__(self, model: onnx.ModelProto, origin: Path) -> None:
        super().__init__()
        graph = model.graph
        self._origin = origin
        self._input = graph.input[0].name
        self._outputs = [output.name for output in graph.output]
        self._stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._nodes = []
        for node in graph.node:
            attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
            if node.op_type == "Constant" and not node.domain:
                self._stored[node.output[0]] = _constant(attributes)
            elif node.domain or node.op_type not in OPERATORS:
                raise self._refusal(node, "which LiteRT's converter is not given; known are " + ", ".join(OPERATORS))
            else:
                self._nodes.append((node, attributes))
        self._buffer_of = {}
        for index, (name, value) in enumerate(self._stored.items()):
            self._buffer_of[name] = f"stored_{index}"
            self.register_buffer(self._buffer_of[name], torch.from_numpy(np.array(value)))

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Compute the graph.

        Args:
            image: the graph's input.

        Returns:
            Name -> value, for every output of the graph.

        Raises:
            ArtifactError: names the node that is of a form that is not known.
        """
        values = self.values(image)
        return {name: values[name] for name in self._outputs}

    def values(self, image: Tensor) -> dict[str, Tensor]:
        """Compute the graph.

        Args:
            image: the graph's input.

        Returns:
            Name -> value, for every tensor of the graph.

        Raises:
            ArtifactError: names the node that is of a form that is not known.
        """
        values: dict[str, Tensor] = {self._input: image}
        for name, buffer in self._buffer_of.items():
            values[name] = getattr(self, buffer)
        for node, attributes in self._nodes:
            call = _Call(
                [values[name] if name else None for name in node.input],
                [self._stored.get(name) for name in node.input],
                attributes,
            )
            try:
                values[node.output[0]] = OPERATORS[node.op_type](call)
            except _Unsupported as error:
                raise self._refusal(node, f"of a form that LiteRT's converter is not given: {error}") from error
        return values

    def _refusal(self, node: onnx.NodeProto, why: str) -> ArtifactError:
        kind = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        name = node.name or (node.output[0] if node.output else "")
        return ArtifactError(f"{self._origin}: the node {name} is a {kind}, {why}")


def _constant(attributes: dict[str, Any]) -> Array:
    (value,) = attributes.values()
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.array(value)


def _conv(call: _Call) -> Tensor:
    call.require("auto_pad", *_NOT_PADDED)
    x, weight = call.tensor(0), call.tensor(1)
    if weight.dim() != 4:
        raise _Unsupported(f"its kernel has {weight.dim()} axes")
    top, left, bottom, right = call.get("pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right):
        x = functional.pad(x, (left, right, top, bottom))
        top = left = 0
    bias = call.tensor(2) if call.has(2) else None
    strides, dilations = call.get("strides", [1, 1]), call.get("dilations", [1, 1])
    return functional.conv2d(x, weight, bias, strides, (top, left), dilations, call.get("group", 1))


def _gemm(call: _Call) -> Tensor:
    for name, plain in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
        call.require(name, plain)
    weight = call.tensor(1) if call.get("transB", 0) else call.tensor(1).t()
    return functional.linear(call.tensor(0), weight, call.tensor(2) if call.has(2) else None)


def _gather(call: _Call) -> Tensor:
    x, axis = call.tensor(0), call.get("axis", 0)
    stored = call.stored[1]
    if stored is None:
        raise _Unsupported("its indices are computed, not stored")
    axis %= x.dim()
    if stored.ndim == 0:
        return x.select(axis, int(stored))
    found = x.index_select(axis, call.tensor(1).reshape(-1))
    return found.reshape(*x.shape[:axis], *stored.shape, *x.shape[axis + 1 :])


def _reshape(call: _Call) -> Tensor:
    x, shape = call.tensor(0), call.numbers(1)
    if not call.get("allowzero", 0):
        shape = [x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return x.reshape(shape)


def _slice(call: _Call) -> Tensor:
    x, starts, ends = call.tensor(0), call.numbers(1), call.numbers(2)
    axes = call.numbers(3) if call.has(3) else list(range(len(starts)))
    if call.has(4) and set(call.numbers(4)) != {1}:
        raise _Unsupported("it steps over entries")
    for axis, start, end in zip(axes, starts, ends, strict=True):
        begin, stop, _ = slice(start, end).indices(x.shape[axis])
        x = x.narrow(axis, begin, stop - begin)
    return x


def _squeeze(call: _Call) -> Tensor:
    return call.tensor(0).squeeze(tuple(call.numbers(1)))


def _unsqueeze(call: _Call) -> Tensor:
    x = call.tensor(0)
    axes = call.numbers(1)
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _reduced(function: Callable[..., Tensor]) -> Callable[[_Call], Tensor]:
    return lambda call: function(call.tensor(0), call.numbers(1), keepdim=bool(call.get("keepdims", 1)))


def _leaky_relu(call: _Call) -> Tensor:
    slope = call.get("alpha", 0.01)
    if slope == 1:  # the graph convolution's linear form
        return call.tensor(0)
    return torch.relu(call.tensor(0)) if slope == 0 else functional.leaky_relu(call.tensor(0), slope)


def _cast(call: _Call) -> Tensor:
    if call.get("to", 0) not in _DTYPES:
        raise _Unsupported(f"it casts to {TensorProto.DataType.Name(call.get('to', 0))}")
    return call.tensor(0).to(_DTYPES[call.get("to", 0)])


def _elementwise(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[_Call], Tensor]:
    return lambda call: function(call.tensor(0), call.tensor(1))


OPERATORS: dict[str, Callable[[_Call], Tensor]] = {
    "Add": _elementwise(torch.add),
    "Cast": _cast,
    "Clip": lambda call: torch.clamp(call.tensor(0), call.limit(1), call.limit(2)),
    "Concat": lambda call: torch.cat([call.tensor(i) for i in range(len(call.tensors))], call.attributes["axis"]),
    "Conv": _conv,
    "Div": _elementwise(torch.div),
    "Gather": _gather,
    "Gemm": _gemm,
    "Identity": lambda call: call.tensor(0),
    "LeakyRelu": _leaky_relu,
    "MatMul": _elementwise(torch.matmul),
    "Mul": _elementwise(torch.mul),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "Relu": lambda call: torch.relu(call.tensor(0)),
    "Reshape": _reshape,
    "Sigmoid": lambda call: torch.sigmoid(call.tensor(0)),
    "Slice": _slice,
    "Softmax": lambda call: torch.softmax(call.tensor(0), call.get("axis", -1)),
    "Squeeze": _squeeze,
    "Sub": _elementwise(torch.sub),
    "Transpose": lambda call: call.tensor(0).permute(call.attributes["perm"]),
    "Unsqueeze": _unsqueeze,
}
