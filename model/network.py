"""The whole network: uint8 crop in, landmarks out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sdfl.errors import ConfigError
from sdfl.geometry import MEAN_BGR, STD_BGR
from sdfl.layouts import get_layout
from sdfl.model.backbones import create_backbone
from sdfl.model.graph import LandmarkGraph
from sdfl.model.head import GraphHead, HeadOutput


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a network; it travels in every checkpoint.

    layout: a name of `sdfl.layouts`. input_size: crop px. neighbours: k of eq. 2. expansion: n of section III.A.
    weights: "single", the paper's one matrix a graph convolution, or "pair", the released code's self and neighbours.
    """

    layout: str = "ibug68"
    input_size: int = 256
    backbone: str = "mobilenet_v2"
    width: float = 1.0
    output_stride: int = 32
    expansion: int = 4
    neighbours: int = 3
    hidden: int = 128
    blocks: int = 4
    weights: str = "single"

    def __post_init__(self) -> None:
        get_layout(self.layout)
        if self.input_size < 32 or self.input_size % 32:
            raise ConfigError(f"model.input_size must be a positive multiple of 32, got {self.input_size}")
        if self.weights not in ("single", "pair"):
            raise ConfigError(f"model.weights must be single or pair, got {self.weights!r}")


class Network(nn.Module):
    """Backbone and graph head. `input_std` is None once it is folded into the first convolution."""

    mean: Tensor
    input_std: Tensor | None

    def __init__(self, config: ModelConfig, graph: LandmarkGraph | None = None) -> None:
        super().__init__()
        self.config = config
        graph = graph or LandmarkGraph.placeholder(get_layout(config.layout).num_points, config.neighbours)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(3, 1, 1), persistent=False)
        self.register_buffer("input_std", torch.tensor(STD_BGR).view(3, 1, 1), persistent=False)
        self.backbone = create_backbone(config.backbone, width=config.width, output_stride=config.output_stride)
        self.head = GraphHead(
            self.backbone.out_channels,
            config.input_size // config.output_stride,
            graph,
            expansion=config.expansion,
            hidden=config.hidden,
            blocks=config.blocks,
            pair=config.weights == "pair",
        )

    def forward(self, image: Tensor) -> HeadOutput:
        """image: (B, S, S, 3) uint8 BGR."""
        pixels = image.permute(0, 3, 1, 2).float() - self.mean
        if self.input_std is not None:
            pixels = pixels / self.input_std
        output: HeadOutput = self.head(self.backbone(pixels))
        return output
