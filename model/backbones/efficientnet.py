"""EfficientNet (Tan and Le, ICML 2019, table 1) up to the last stage, without the 1280-channel convolution.

B0 and B1 have squeeze-and-excitation and SiLU; Lite0 to Lite2 (the authors' variant for integer hardware) have neither,
but ReLU6, and keep the stem, the first and the last stage unscaled. B1, Lite1: depth x 1.1; Lite2: width x 1.1 and
depth x 1.2.
"""

from __future__ import annotations

import math

from torch import nn

from sdfl.errors import ConfigError
from sdfl.model.backbones.inverted_residual import InvertedResidualNet, Stage, Style, round_channels

STEM = 32
HEAD_CHANNELS = 1280  # of the last convolution, which `model.conv_head` keeps; the same in all networks of this file
STAGES: tuple[Stage, ...] = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
FULL = Style(nn.SiLU, squeeze=0.25)
LITE = Style(nn.ReLU6, norm_eps=1e-3, same_padding=True, pixel_mean=127.0, pixel_std=128.0)  # as its weights are


def _scaled(width: float, depth: float, *, lite: bool) -> list[Stage]:
    """The stages with channels times `width` and repeats times `depth`; Lite spares the repeats at both ends."""
    last = len(STAGES) - 1
    return [
        (
            expand,
            round_channels(channels * width),
            repeats if lite and index in (0, last) else math.ceil(repeats * depth),
            stride,
            kernel,
        )
        for index, (expand, channels, repeats, stride, kernel) in enumerate(STAGES)
    ]


def _create(
    name: str, scale: tuple[float, float], width: float, output_stride: int, style: Style
) -> InvertedResidualNet:
    """scale: the family's own width and depth. Raises ConfigError for a further width multiplier."""
    if width != 1.0:
        raise ConfigError(f"model.width must be 1.0 for {name}, got {width}")
    return InvertedResidualNet(STEM, _scaled(*scale, lite=style is LITE), output_stride, style)


def efficientnet_b0(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """EfficientNet-B0.

    Args:
        width: 1.
        output_stride: 16 or 32.

    Raises:
        ConfigError: `width` is another number; EfficientNets are scaled by their name.
    """
    return _create("efficientnet_b0", (1.0, 1.0), width, output_stride, FULL)


def efficientnet_b1(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """EfficientNet-B1.

    Args:
        width: 1.
        output_stride: 16 or 32.

    Raises:
        ConfigError: `width` is another number; EfficientNets are scaled by their name.
    """
    return _create("efficientnet_b1", (1.0, 1.1), width, output_stride, FULL)


def efficientnet_lite0(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """EfficientNet-Lite0.

    Args:
        width: 1.
        output_stride: 16 or 32.

    Raises:
        ConfigError: `width` is another number; EfficientNets are scaled by their name.
    """
    return _create("efficientnet_lite0", (1.0, 1.0), width, output_stride, LITE)


def efficientnet_lite1(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """EfficientNet-Lite1.

    Args:
        width: 1.
        output_stride: 16 or 32.

    Raises:
        ConfigError: `width` is another number; EfficientNets are scaled by their name.
    """
    return _create("efficientnet_lite1", (1.0, 1.1), width, output_stride, LITE)


def efficientnet_lite2(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """EfficientNet-Lite2.

    Args:
        width: 1.
        output_stride: 16 or 32.

    Raises:
        ConfigError: `width` is another number; EfficientNets are scaled by their name.
    """
    return _create("efficientnet_lite2", (1.1, 1.2), width, output_stride, LITE)
