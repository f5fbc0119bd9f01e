"""What a network costs: parameters and multiply-adds, counted while it runs, and the paper's formula beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdfl.model.landmarks.graph_head import GraphConv
from sdfl.model.landmarks.network import Network


@dataclass(frozen=True)
class Cost:
    """parameters; multiply_adds: of one picture (a FLOP count is about twice that)."""

    parameters: int
    multiply_adds: int


def count(module: nn.Module, *inputs: Tensor) -> Cost:
    """Cost of one call, batch of one. Convolutions, fully connected layers and the graph operator's weighted sums
    count; normalisation, activations, pooling and additions do not (they fold away or are negligible)."""
    total = 0

    def layer(done: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        if isinstance(done, nn.Conv2d):
            total += out[0].numel() * done.in_channels // done.groups * done.kernel_size[0] * done.kernel_size[1]
        elif isinstance(done, nn.Linear):
            total += out[0].numel() * done.in_features

    def weighted_sum(_: nn.Module, given: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        total += out[0].numel() * given[2].shape[1]  # K entries of a row for each output

    hooks = [
        each.register_forward_hook(weighted_sum if isinstance(each, GraphConv) else layer)
        for each in module.modules()
        if isinstance(each, nn.Conv2d | nn.Linear | GraphConv)
    ]
    was_training = module.training
    try:
        with torch.no_grad():
            module.eval()(*inputs)
    finally:
        module.train(was_training)
        for hook in hooks:
            hook.remove()
    return Cost(sum(p.numel() for p in module.parameters()), total)


def network_cost(network: Network) -> dict[str, Cost]:
    """ "backbone", "head" and "total" of a network at its input size."""
    size = network.config.input_size
    backbone = count(network.backbone, torch.zeros(1, 3, size, size))
    total = count(network, torch.zeros(1, size, size, 3, dtype=torch.uint8))
    head = Cost(total.parameters - backbone.parameters, total.multiply_adds - backbone.multiply_adds)
    return {"backbone": backbone, "head": head, "total": total}


def network_facts(network: Network) -> dict[str, Any]:
    """Describe a landmark network: its configuration, and parameters and multiply-adds of its parts."""
    facts: dict[str, Any] = dict(vars(network.config))
    for part, cost in network_cost(network).items():
        facts[f"{part}_parameters"] = cost.parameters
        facts[f"{part}_multiply_adds"] = cost.multiply_adds
    return facts


def graph_layer_flops(nodes: int, k: int, inputs: int, outputs: int) -> int:
    """Section IV.D: A H W of one graph convolution costs 2 N (k + 1) I + 2 N I O FLOPs when A H is taken first.

    Here H W is taken first, 2 N (k + 1) O in place of 2 N (k + 1) I: the same where I = O, less in the first layer.
    """
    return 2 * nodes * (k + 1) * inputs + 2 * nodes * inputs * outputs


def paper_graph_flops(nodes: int = 98, inputs: int = 256, hidden: int = 128, outputs: int = 2, k: int = 3) -> int:
    """The paper's sum for its head: 29.95 M. It counts 7 hidden layers (14 N ...); its 4 blocks of two have 8, which
    makes 33.27 M (`graph_flops` with blocks=4)."""
    return (
        graph_layer_flops(nodes, k, inputs, hidden)
        + 7 * graph_layer_flops(nodes, k, hidden, hidden)
        + graph_layer_flops(nodes, k, hidden, outputs)
    )


def graph_flops(nodes: int, inputs: int, hidden: int, outputs: int, k: int, blocks: int) -> int:
    """The same sum with 2 hidden layers a block, as Fig. 5 draws them."""
    return (
        graph_layer_flops(nodes, k, inputs, hidden)
        + 2 * blocks * graph_layer_flops(nodes, k, hidden, hidden)
        + graph_layer_flops(nodes, k, hidden, outputs)
    )
