"""EfficientNet-Lite0: EfficientNet-B0 (Tan and Le, ICML 2019) without squeeze-and-excitation, with ReLU6."""

from __future__ import annotations

from sdfl.errors import ConfigError
from sdfl.model.backbones.inverted_residual import InvertedResidualNet

# expand, channels, repeats, stride, kernel
STAGES = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]


def efficientnet_lite0(*, width: float = 1.0, output_stride: int = 32) -> InvertedResidualNet:
    """The Lite family is not scaled by a width multiplier: anything but 1 raises ConfigError."""
    if width != 1.0:
        raise ConfigError(f"model.width must be 1.0 for efficientnet_lite0, got {width}")
    return InvertedResidualNet(32, STAGES, output_stride)
