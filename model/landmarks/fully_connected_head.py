"""The usual head to compare with: fully connected layers from all features to all coordinates (section IV.C)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from sdfl.model.landmarks.graph_head import START_EXPECTED_ERROR, START_SCALE, HeadOutput
from sdfl.model.landmarks.landmark_graph import LandmarkGraph


class FullyConnectedHead(nn.Module):
    """Flattened feature maps -> `layers` x (FC `hidden`, ReLU) -> FC to (x, y, log_scale) of every landmark.

    The paper's best setting is one hidden layer of 256 units. Starts at the mean shape as the graph head does, so that
    the two differ in nothing else; `neighbours` serve the relative location loss alone.
    """

    neighbours: Tensor
    mean_shape: Tensor
    nearest: Tensor | None

    def __init__(
        self, in_channels: int, map_size: int, graph: LandmarkGraph, *, hidden: int = 256, layers: int = 1
    ) -> None:
        super().__init__()
        self.register_buffer("neighbours", graph.neighbours)
        self.register_buffer("mean_shape", graph.mean_shape)
        self.register_buffer("nearest", graph.nearest)
        self.log_scale_start = math.log(START_EXPECTED_ERROR)
        widths = [in_channels * map_size**2, *[hidden] * layers]
        stack = [module for a, b in pairwise(widths) for module in (nn.Linear(a, b), nn.ReLU(inplace=True))]
        self.hidden = nn.Sequential(*stack)
        self.presence = nn.Linear(in_channels, 1)
        self.last = nn.Linear(widths[-1], 3 * len(graph.mean_shape))
        with torch.no_grad():
            self.last.weight *= START_SCALE

    def forward(self, features: Tensor) -> HeadOutput:
        """Find the landmarks.

        Args:
            features: (B, C, H, W) of the backbone.
        """
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            out = self.last(self.hidden(features.flatten(1))).unflatten(1, (-1, 3))
            presence = self.presence(features.mean(dim=(2, 3))).squeeze(1)
            return HeadOutput(self.mean_shape + out[..., :2], presence, self.log_scale_start + out[..., 2])

    @torch.no_grad()
    def to_pixels(self, input_size: int) -> None:
        """Let points come out in crop px and scales in their logarithm, in place; as `GraphHead.to_pixels`.

        Args:
            input_size: crop px.
        """
        rows = self.last.bias.new_tensor([input_size, input_size, 1.0]).repeat(len(self.mean_shape))
        self.last.weight.mul_(rows.unsqueeze(1))
        self.last.bias.mul_(rows)
        self.mean_shape.mul_(input_size).sub_(0.5)
        self.log_scale_start += math.log(input_size)
