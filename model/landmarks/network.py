"""The whole network: uint8 crop in, landmarks out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdfl.checks import require_within
from sdfl.errors import ConfigError, shown
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
RANGES = {
    "input_size": (32, 1024), "width": (0.05, 8), "backbone_blocks": (0, 1000), "expansion": (1, 64),
    "map_hidden": (1, 4096), "neighbours": (1, 97), "hidden": (1, 4096), "blocks": (0, 64), "fc_hidden": (1, 8192),
    "fc_layers": (0, 8), "edge_hidden": (1, 4096),
}  # fmt: skip


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a landmark network; it travels in every checkpoint.

    Attributes:
        layout: order of the points, a name of `sdfl.layouts.LAYOUTS`.
        input_size: crop px, a multiple of 32.
        backbone: a name of `sdfl.model.backbones`.
        width: multiplies the backbone's channels.
        output_stride: of the backbone, 16 or 32.
        backbone_blocks: how many of the backbone's first blocks are kept, 0 for all.
        map_to_node: "full" (paper) or "separable".
        map_hidden: channels between its convolutions.
        expansion: n of section III.A, maps of each landmark.
        neighbours: k of eq. 2.
        hidden: features of a node.
        blocks: residual blocks of two graph convolutions.
        weights: of a graph convolution: "single" matrix (paper), or "pair" for the node and its neighbours
            (released code).
        head: "graph" or "fc", fully connected layers.
        adjacency: of the graph head: "dynamic" (paper), "static" (learned once for all layers), "static_per_layer"
            (learned once for each layer, released code) or "binary" (equal weights).
        correlation: "separate" (eq. 1) or "joint".
        symmetric: whether edges go both ways (released code).
        fc_hidden: units of the fully connected head's hidden layers.
        fc_layers: number of its hidden layers.
        edge_hidden: units between the two layers that compute dynamic edges.
        edge_norm: whether batch normalisation follows the first of them (released code).
        conv_head: whether an EfficientNet keeps its last convolution, to 1280 channels (released code).

    Raises:
        ConfigError: names the key that is wrong.
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
    edge_hidden: int = 128
    edge_norm: bool = False
    conv_head: bool = False

    def __post_init__(self) -> None:
        get_layout(self.layout)
        if self.input_size < 32 or self.input_size % 32:
            raise ConfigError(f"model.input_size must be a positive multiple of 32, got {shown(self.input_size)}")
        for key, choices in CHOICES.items():
            if getattr(self, key) not in choices:
                raise ConfigError(f"model.{key} must be {' or '.join(choices)}, got {shown(getattr(self, key))}")
        for key, (low, high) in RANGES.items():
            require_within(f"model.{key}", getattr(self, key), low, high)


def create_head(config: ModelConfig, in_channels: int, graph: LandmarkGraph) -> GraphHead | FullyConnectedHead:
    """Make a head with fresh weights.

    Args:
        config: of the network.
        in_channels: of the backbone's feature maps.
        graph: of the landmarks.
    """
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
        edge_hidden=config.edge_hidden,
        edge_norm=config.edge_norm,
    )


class Network(nn.Module):
    """The whole landmark network: uint8 crop in, landmarks out.

    Attributes:
        config: its shape.
        input_std: (3, 1, 1), None once it is folded into the first convolution.
    """

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
            conv_head=config.conv_head,
        )
        self.head = create_head(config, self.backbone.out_channels, graph)

    def forward(self, image: Tensor) -> HeadOutput:
        """Find the landmarks.

        Args:
            image: (B, S, S, 3) uint8 BGR.
        """
        rows = image.flatten(2).float() - self.mean.repeat(image.shape[2])  # long rows: runtimes vectorise them
        # Stays in the picture's order: no copy.
        pixels = rows.unflatten(2, image.shape[2:]).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call]
        if self.input_std is not None:
            pixels = pixels / self.input_std
        output: HeadOutput = self.head(self.backbone(pixels))
        return output
