"""What a network costs: parameters and multiply-adds, counted while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sdfl.model.landmarks.graph_head import GraphConv
from sdfl.model.landmarks.network import Network


@dataclass(frozen=True)
class Cost:
    """What a network or a part of it costs.

    Attributes:
        parameters: how many there are.
        multiply_adds: of one picture; a FLOP count is about twice that.
    """

    parameters: int
    multiply_adds: int


def count(module: nn.Module, *inputs: Tensor) -> Cost:
    """Count the cost of one call.

    Convolutions, fully connected layers and the graph operator's weighted sums count; normalisation, activations,
    pooling and additions do not, since they are folded away or negligible.

    Args:
        module: what is called; it is left as it is.
        inputs: of the call, with a batch of one.
    """
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
    """Count the cost of a landmark network at its input size.

    Returns:
        "backbone", "head" and "total" -> cost.
    """
    size = network.config.input_size
    backbone = count(network.backbone, torch.zeros(1, 3, size, size))
    total = count(network, torch.zeros(1, size, size, 3, dtype=torch.uint8))
    head = Cost(total.parameters - backbone.parameters, total.multiply_adds - backbone.multiply_adds)
    return {"backbone": backbone, "head": head, "total": total}


def network_facts(network: Network) -> dict[str, Any]:
    """Describe a landmark network.

    Returns:
        Its configuration, and parameters and multiply-adds of its parts.
    """
    facts: dict[str, Any] = dict(vars(network.config))
    for part, cost in network_cost(network).items():
        facts[f"{part}_parameters"] = cost.parameters
        facts[f"{part}_multiply_adds"] = cost.multiply_adds
    return facts
