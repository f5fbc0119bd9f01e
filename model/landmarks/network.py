"""The whole network: uint8 crop in, landmarks out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdfl.errors import ConfigError
from sdfl.geometry import MEAN_BGR, STD_BGR
from sdfl.layouts import get_layout
from sdfl.model.backbones import create_backbone
from sdfl.model.landmarks.fully_connected_head import FullyConnectedHead
from sdfl.model.landmarks.graph_head import ADJACENCIES, GraphHead, HeadOutput
from sdfl.model.landmarks.landmark_graph import CORRELATIONS, LandmarkGraph
from sdfl.model.landmarks.map_to_node import MAP_TO_NODE

CHOICES: dict[str, tuple[str, ...]] = {
    "weights": ("single", "pair"),
    "map_to_node": tuple(MAP_TO_NODE),
    "head": ("graph", "fc"),
    "adjacency": ADJACENCIES,
    "correlation": tuple(CORRELATIONS),
}
LOWEST = {"expansion": 1, "map_hidden": 1, "hidden": 1, "blocks": 0, "fc_hidden": 1, "fc_layers": 0}


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a network; it travels in every checkpoint.

    layout: a name of `sdfl.layouts`. input_size: crop px. backbone_blocks: keep so many of the backbone's first blocks,
    0 for all. neighbours: k of eq. 2. expansion: n of section III.A. map_to_node: "full" (paper) or "separable", with
    map_hidden channels between its convolutions.
    weights: "single", the paper's one matrix a graph convolution, or "pair", the released code's self and neighbours.
    head: "graph" or "fc". adjacency: of the graph head, "dynamic" (paper), "static" (learned once, released code) or
    "binary" (equal weights). correlation: "separate" (eq. 1) or "joint". symmetric: edges both ways (released code).
    fc_hidden, fc_layers: units and number of the fully connected head's hidden layers.
    """

    layout: str = "ibug68"
    input_size: int = 256
    backbone: str = "mobilenet_v2"
    width: float = 1.0
    output_stride: int = 32
    backbone_blocks: int = 0
    map_to_node: str = "full"
    map_hidden: int = 256
    expansion: int = 4
    neighbours: int = 3
    hidden: int = 128
    blocks: int = 4
    weights: str = "single"
    head: str = "graph"
    adjacency: str = "dynamic"
    correlation: str = "separate"
    symmetric: bool = False
    fc_hidden: int = 256
    fc_layers: int = 1

    def __post_init__(self) -> None:
        get_layout(self.layout)
        if self.input_size < 32 or self.input_size % 32:
            raise ConfigError(f"model.input_size must be a positive multiple of 32, got {self.input_size}")
        for key, choices in CHOICES.items():
            if getattr(self, key) not in choices:
                raise ConfigError(f"model.{key} must be {' or '.join(choices)}, got {getattr(self, key)!r}")
        for key, lowest in LOWEST.items():
            if getattr(self, key) < lowest:
                raise ConfigError(f"model.{key} must be at least {lowest}, got {getattr(self, key)}")


def create_head(config: ModelConfig, in_channels: int, graph: LandmarkGraph) -> GraphHead | FullyConnectedHead:
    """in_channels: of the backbone's feature maps."""
    map_size = config.input_size // config.output_stride
    if config.head == "fc":
        return FullyConnectedHead(in_channels, map_size, graph, hidden=config.fc_hidden, layers=config.fc_layers)
    return GraphHead(
        in_channels,
        map_size,
        graph,
        map_to_node=MAP_TO_NODE[config.map_to_node],
        map_hidden=config.map_hidden,
        expansion=config.expansion,
        hidden=config.hidden,
        blocks=config.blocks,
        pair=config.weights == "pair",
        adjacency=config.adjacency,
        symmetric=config.symmetric,
    )


class Network(nn.Module):
    """Backbone and head. `input_std` is None once it is folded into the first convolution."""

    mean: Tensor
    input_std: Tensor | None

    def __init__(self, config: ModelConfig, graph: LandmarkGraph | None = None) -> None:
        super().__init__()
        self.config = config
        graph = graph or LandmarkGraph.placeholder(get_layout(config.layout).num_points, config.neighbours)
        self.register_buffer("mean", torch.tensor(MEAN_BGR), persistent=False)
        self.register_buffer("input_std", torch.tensor(STD_BGR).view(3, 1, 1), persistent=False)
        self.backbone = create_backbone(
            config.backbone,
            width=config.width,
            output_stride=config.output_stride,
            blocks=config.backbone_blocks,
        )
        self.head = create_head(config, self.backbone.out_channels, graph)

    def forward(self, image: Tensor) -> HeadOutput:
        """image: (B, S, S, 3) uint8 BGR."""
        rows = image.flatten(2).float() - self.mean.repeat(image.shape[2])  # long rows: runtimes vectorise them
        # Stays in the picture's order: no copy.
        pixels = rows.unflatten(2, image.shape[2:]).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call]
        if self.input_std is not None:
            pixels = pixels / self.input_std
        output: HeadOutput = self.head(self.backbone(pixels))
        return output
