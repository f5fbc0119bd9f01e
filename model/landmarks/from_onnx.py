"""Back from an exported float ONNX file to a network that can be trained.

Batch normalisation, which export folded away, is put back between the layers with the statistics of real crops, so that
it changes nothing at first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from sdfl.artifacts.names import FP16_SUFFIX
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.errors import CheckpointError
from sdfl.model.fold import normalised
from sdfl.model.landmarks.graph_head import GraphConv, GraphHead
from sdfl.model.landmarks.network import Network

BATCH = 32


@torch.no_grad()
def start_from_onnx(network: Network, path: Path, crops: Tensor) -> None:
    """Copy the weights of an exported file into a network; graph and mean shape come along.

    Args:
        network: changed in place. Its input size and output stride may be others where the feature maps have the
            same size.
        path: a float .onnx file that `sdfl export` wrote.
        crops: (M, S, S, 3) uint8 BGR, M >= 2, like those of the training to come: normalisation starts from their
            statistics.

    Raises:
        ArtifactError: the file is no landmark model.
        CheckpointError: it has another shape or layout, or is int8.
    """
    spec = read_spec(path)
    if spec.layout != network.config.layout:
        raise CheckpointError(f"{path}: has layout {spec.layout}, the recipe {network.config.layout}")
    if spec.precision != "fp32":
        raise CheckpointError(f"{path}: is {spec.precision}; start from a float file")
    config = network.config
    if not isinstance(network.head, GraphHead) or config.adjacency != "dynamic" or config.symmetric or config.edge_norm:
        raise CheckpointError(f"{path}: only a graph head with dynamic edges, without edge_norm, can start from ONNX")
    _copy_weights(network, _Stored(path), spec.input_size)
    _normalise_as_before(network, crops)


class _Stored:
    """The tensors of an exported file by the names of the folded network's parameters."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        self.path = path
        self._tensors = {
            tensor.name.removeprefix("network.").removesuffix(FP16_SUFFIX): torch.from_numpy(
                numpy_helper.to_array(tensor).copy()
            )
            for tensor in graph.initializer
        }
        # Products with a nameless matrix are the graph convolutions, in the order in which they run.
        self.products = [node.input[1] for node in graph.node if node.op_type == "MatMul"]

    def take(self, name: str, shape: torch.Size) -> Tensor:
        """Float tensors as f32. Raises CheckpointError where it is missing or has another shape."""
        tensor = self._tensors.get(name)
        if tensor is None or tensor.shape != shape:
            found = "missing" if tensor is None else tuple(tensor.shape)
            raise CheckpointError(
                f"{self.path}: does not fit the model in the recipe: {name} is {found}, expected {tuple(shape)}"
            )
        if not bool(tensor.isfinite().all()):
            raise CheckpointError(f"{self.path}: {name} holds NaN or infinity; take a file that works")
        return tensor.float() if tensor.is_floating_point() else tensor


def _copy_weights(network: Network, stored: _Stored, input_size: int) -> None:
    """Undo `fold` but for the normalisation, which is left as the identity with the folded bias."""
    head = network.head
    assert isinstance(head, GraphHead)
    assert network.input_std is not None
    norms = {
        f"{name}.{index}": norm
        for name, layers in network.named_modules()
        if isinstance(layers, nn.Sequential)
        for index, _, norm in normalised(layers)
    }
    graph_convolutions = [(name, module) for name, module in network.named_modules() if isinstance(module, GraphConv)]
    inside = tuple(name + "." for name, _ in graph_convolutions)
    for name, module in network.named_modules():
        if name in norms:
            module.weight.copy_(stored.take(name + ".weight", module.weight.shape))
            _identity(norms[name], stored.take(name + ".bias", norms[name].bias.shape))
        elif isinstance(module, nn.Conv2d | nn.Linear) and not name.startswith(inside):
            for key, parameter in module.named_parameters(recurse=False):
                parameter.copy_(stored.take(f"{name}.{key}", parameter.shape))
    next(module for module in network.backbone.modules() if isinstance(module, nn.Conv2d)).weight.mul_(
        network.input_std
    )
    if len(stored.products) != len(graph_convolutions):
        raise CheckpointError(
            f"{stored.path}: has {len(stored.products)} graph convolutions, the recipe {len(graph_convolutions)}"
        )
    for (name, module), product in zip(graph_convolutions, stored.products, strict=True):
        weight = module.weight.weight
        weight.copy_(stored.take(product, weight.t().shape).t())
        bias = stored.take(name + ".bias", module.bias.shape)
        if isinstance(module.norm, nn.BatchNorm1d):
            _identity(module.norm, bias)
        else:
            module.bias.copy_(bias)
    pixels = torch.tensor([input_size, input_size, 1.0])
    head.last.weight.weight.div_(pixels.repeat(2 if head.pair else 1).unsqueeze(1))
    head.last.bias.div_(pixels)
    head.mean_shape.copy_((stored.take("head.mean_shape", head.mean_shape.shape) + 0.5) / input_size)
    rows = stored.take("head.rows", head.neighbours.shape)
    head.neighbours.copy_(rows // 2 if head.pair else rows)


def _identity(norm: nn.BatchNorm1d | nn.BatchNorm2d, bias: Tensor) -> None:
    norm.weight.fill_(1)
    norm.bias.copy_(bias)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)


@contextmanager
def _watched(norms: list[nn.BatchNorm1d | nn.BatchNorm2d]) -> Iterator[list[list[Tensor]]]:
    """Collects, for each of `norms`, mean and mean square of every channel of what comes in, one pair a batch."""
    seen: list[list[Tensor]] = [[] for _ in norms]

    def watch(entry: list[Tensor]):  # type: ignore[no-untyped-def]
        def hook(_: nn.Module, inputs: tuple[Tensor]) -> None:
            values = inputs[0].transpose(0, 1).flatten(1).double()
            entry.append(torch.stack([values.mean(dim=1), values.square().mean(dim=1)]))

        return hook

    handles = [norm.register_forward_pre_hook(watch(entry)) for norm, entry in zip(norms, seen, strict=True)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _normalise_as_before(network: Network, crops: Tensor) -> None:
    """Give every normalisation the statistics of its input on `crops`, and the gain and offset that undo them."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    training = network.training
    network.eval()
    with _watched(norms) as seen:
        for batch in crops.split(BATCH):  # type: ignore[no-untyped-call]
            network(batch)
    network.train(training)
    for norm, entries in zip(norms, seen, strict=True):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, square = torch.stack(entries).mean(dim=0)
        variance = (square - mean.square()).clamp_min(0)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)
