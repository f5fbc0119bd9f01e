"""From feature maps to the maps that belong to the landmarks (paper section III.A)."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


def conv_bn_relu(in_channels: int, out_channels: int, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, batch normalisation and ReLU.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kernel: side of the window.
        groups: of the convolution.
    """
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


class MapToNode(nn.Module):
    """(B, C, H, W) -> `hidden` maps -> (B, N n, H, W): two convolution-BN-ReLU blocks of 3 x 3, as the paper has it."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.first = conv_bn_relu(in_channels, hidden)
        self.second = conv_bn_relu(hidden, out_channels)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, C, H, W). Returns (B, 4N, H, W), four maps a landmark."""
        maps: Tensor = self.second(self.first(features))
        return maps


class SeparableMapToNode(nn.Module):
    """The same in fewer multiply-adds: 1 x 1 to `hidden`, depthwise 3 x 3, 1 x 1 to N n, each with BN and ReLU."""

    def __init__(self, in_channels: int, hidden: int, out_channels: int) -> None:
        super().__init__()
        self.first = conv_bn_relu(in_channels, hidden, kernel=1)
        self.spread = conv_bn_relu(hidden, hidden, groups=hidden)
        self.second = conv_bn_relu(hidden, out_channels, kernel=1)

    def forward(self, features: Tensor) -> Tensor:
        """features: (B, C, H, W). Returns (B, 4N, H, W), four maps a landmark."""
        maps: Tensor = self.second(self.spread(self.first(features)))
        return maps


MAP_TO_NODE: dict[str, Callable[[int, int, int], nn.Module]] = {"full": MapToNode, "separable": SeparableMapToNode}
