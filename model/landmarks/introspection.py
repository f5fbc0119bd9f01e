"""What a graph head computes inside: how alike its nodes become (Fig. 9), and which edges it trusts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from sdfl.errors import ConfigError
from sdfl.model.landmarks.graph_head import GraphHead
from sdfl.model.landmarks.network import Network
from sdfl.types import Image

Matrices = dict[str, npt.NDArray[np.float32]]


def _graph_head(network: Network) -> GraphHead:
    if not isinstance(network.head, GraphHead):
        raise ConfigError("model.head is fc: it has neither graph nodes nor edges")
    return network.head


def node_similarities(network: Network, image: Image) -> Matrices:
    """Measure how alike the nodes' features become from layer to layer (Fig. 9).

    Args:
        network: with a graph head.
        image: (S, S, 3) uint8 BGR crop.

    Returns:
        The cosine similarity (N, N): "nodes" as they are embedded, then "layer 1", "layer 3", ... after the first graph
        convolution and after every block.

    Raises:
        ConfigError: the network has no graph head.
    """
    head = _graph_head(network)
    features: dict[str, Tensor] = {}

    def embedded(_: nn.Module, given: tuple[Any, ...], out: Tensor) -> None:
        features["nodes"], features["layer 1"] = given[0][0], out[0]

    def after(name: str) -> Any:
        def hook(_: nn.Module, __: tuple[Any, ...], out: Tensor) -> None:
            features[name] = out[0]

        return hook

    hooks = [head.first.register_forward_hook(embedded)]
    hooks += [block.register_forward_hook(after(f"layer {2 * i + 3}")) for i, block in enumerate(head.blocks)]
    _run(network, image, hooks)
    unit = {name: nn.functional.normalize(value.float(), dim=1) for name, value in features.items()}
    return {name: (value @ value.T).numpy() for name, value in unit.items()}


def edge_weights(network: Network, image: Image) -> npt.NDArray[np.float32]:
    """Read which edges the network trusts for a picture.

    Args:
        network: with a graph head.
        image: (S, S, 3) uint8 BGR crop.

    Returns:
        sigma(A) as a matrix (N, N): row n holds what node n takes from whom; the mean over layers where each has its
        own.

    Raises:
        ConfigError: the network has no graph head.
    """
    head = _graph_head(network)
    taken: list[Tensor] = []
    hook = head.edge_weights.register_forward_hook(lambda _, __, out: taken.append(out.flatten(0, -3).mean(dim=0)))
    _run(network, image, [hook])
    count = len(head.neighbours)
    return torch.zeros(count, count).scatter_add(1, head.neighbours.long(), taken[0].float()).numpy()


def _run(network: Network, image: Image, hooks: list[Any]) -> None:
    try:
        with torch.no_grad():
            network.eval()(torch.from_numpy(image[None]))
    finally:
        for hook in hooks:
            hook.remove()
