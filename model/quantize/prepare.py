"""Where int8 goes: the inputs of every convolution, both inputs of every residual addition, weights.

The backbone is read as a graph (torch.fx), because a value that a skip connection and a convolution share must be
rounded once. The head keeps its modules; each quantized one rounds its own input. The sparse graph operator, softmax
and pooling compute in float.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import fx, nn

from sdfl.errors import ConfigError
from sdfl.model.detector.network import FaceDetector
from sdfl.model.landmarks.graph_head import GraphConv
from sdfl.model.landmarks.network import Network
from sdfl.model.quantize.fake_quantization import FakeQuant, QuantConv2d, QuantLinear

# Small (2 % of the weights at full width), and what they answer is the answer: edge weights, presence, coordinates.
DEFAULT_FLOAT_LAYERS = ("head.edge_weights", "head.presence", "head.last")
N = TypeVar("N", Network, FaceDetector)
_ADDITIONS = (operator.add, operator.iadd, torch.add)
_PRODUCTS = (operator.mul, operator.imul, torch.mul)
_GATES = (nn.Sigmoid, nn.Hardsigmoid)


def prepare(network: N, float_layers: Sequence[str] = DEFAULT_FLOAT_LAYERS) -> N:
    """Insert fake quantization into a folded network, in place. Ranges are NaN until `calibrate`.

    Args:
        network: of `fold`.
        float_layers: names, or beginnings of names, of layers that stay float.

    Returns:
        The network.

    Raises:
        ConfigError: a name fits no layer, or a layer cannot be quantized.
    """
    _check_names(network, float_layers)
    network.backbone = _quantize_backbone(network.backbone, float_layers)  # type: ignore[assignment]
    for name, module in list(network.head.named_modules(prefix="head")):
        if isinstance(module, GraphConv) and not isinstance(module.bias, nn.Parameter):
            bias = module.bias
            del module.bias
            module.bias = nn.Parameter(bias)  # folded from the normalisation: now it is trained and stored
        if not is_float(name, float_layers):
            _replace(network, name, module)
    return network


def _check_names(network: nn.Module, float_layers: Sequence[str]) -> None:
    names = [name for name, module in network.named_modules() if _weighted(module)]
    for wanted in set(float_layers) - set(DEFAULT_FLOAT_LAYERS):  # another head need not have these
        if not any(is_float(name, (wanted,)) for name in names):
            raise ConfigError(f"quantize.float_layers: {wanted} is no layer of this network; see print(network)")


def is_float(name: str, float_layers: Sequence[str]) -> bool:
    """Whether a layer stays float.

    Args:
        name: of the layer.
        float_layers: names, or beginnings of names.
    """
    return any(name == layer or name.startswith(f"{layer}.") for layer in float_layers)


def _weighted(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    return isinstance(weight, torch.Tensor) and weight.ndim > 1 and not list(module.children())


def _replace(network: nn.Module, name: str, module: nn.Module, *, own_input: bool = True) -> None:
    """Put the int8 counterpart of a layer in its place; layers without weights are left alone."""
    made: nn.Module
    try:
        if type(module) is nn.Conv2d:
            made = QuantConv2d.of(module, own_input=own_input)
        elif type(module) is nn.Linear:
            made = QuantLinear.of(module)
        elif _weighted(module):
            raise ValueError(type(module).__name__)
        else:
            return
    except ValueError as error:
        raise ConfigError(f"{name}: {error} cannot be quantized; add it to quantize.float_layers") from error
    network.set_submodule(name, made)


def _quantize_backbone(backbone: nn.Module, float_layers: Sequence[str]) -> fx.GraphModule:
    try:
        traced = fx.symbolic_trace(backbone)
    except Exception as error:  # data-dependent code fails in many ways
        raise ConfigError(f"backbone {type(backbone).__name__} cannot be read as a graph: {error}") from error
    readers = [_to_round(traced, node, float_layers) for node in traced.graph.nodes]
    for source in dict.fromkeys(source for sources in readers for source in sources):
        _insert(traced, source)
    for name, module in list(traced.named_modules()):
        if name and not is_float(f"backbone.{name}", float_layers) and not isinstance(module, FakeQuant):
            _replace(traced, name, module, own_input=False)
    traced.recompile()
    return traced


def _to_round(traced: fx.GraphModule, node: fx.Node, float_layers: Sequence[str]) -> list[fx.Node]:
    """The values that `node` reads as int8."""
    if node.op == "call_module":
        quantized = _weighted(traced.get_submodule(str(node.target)))
        if quantized and not is_float(f"backbone.{node.target}", float_layers):
            return list(node.all_input_nodes)
        return []
    operands = node.all_input_nodes
    if len(operands) == 2 and (node.target in _ADDITIONS or node.target == "add"):
        return operands
    if len(operands) == 2 and (node.target in _PRODUCTS or node.target == "mul"):
        return [operand for operand in operands if not _is_gate(traced, operand)]
    return []


def _is_gate(traced: fx.GraphModule, node: fx.Node) -> bool:
    """Whether a value is one gain a channel: it has one number a channel, rounding it saves nothing."""
    return node.op == "call_module" and isinstance(traced.get_submodule(str(node.target)), _GATES)


def _insert(traced: fx.GraphModule, source: fx.Node) -> None:
    """Round `source` once, for all that read it. A ReLU6 that only feeds int8 becomes a ReLU and the range's limit."""
    limit = float("inf")
    if source.op == "call_module" and isinstance(traced.get_submodule(str(source.target)), nn.ReLU6):
        traced.set_submodule(str(source.target), nn.ReLU())
        limit = 6.0
    name = f"{str(source.target if source.op == 'call_module' else source.name).replace('.', '_')}_int8"
    traced.add_submodule(name, FakeQuant(limit))
    with traced.graph.inserting_after(source):
        inserted = traced.graph.call_module(name, (source,))
    source.replace_all_uses_with(inserted)
    inserted.update_arg(0, source)
