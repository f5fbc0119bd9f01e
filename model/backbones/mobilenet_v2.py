"""MobileNetV2 (Sandler et al., CVPR 2018, table 2) up to its 320 channels, without the 1280-channel convolution."""

from __future__ import annotations

from sdfl.model.backbones.inverted_residual import InvertedResidualNet, round_channels

# expand, channels, repeats, stride, kernel
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 32, 3, 2, 3),
    (6, 64, 4, 2, 3),
    (6, 96, 3, 1, 3),
    (6, 160, 3, 2, 3),
    (6, 320, 1, 1, 3),
)


def mobilenet_v2(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """MobileNetV2.

    Args:
        width: multiplies every number of channels.
        output_stride: 16 or 32.
    """
    stages = [
        (expand, round_channels(c * width), repeats, stride, kernel) for expand, c, repeats, stride, kernel in STAGES
    ]
    return InvertedResidualNet(round_channels(32 * width), stages, output_stride)
