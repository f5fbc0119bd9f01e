"""Convolutional backbones: (B, 3, S, S) -> (B, C, S / stride, S / stride)."""

from sdfl.errors import ConfigError
from sdfl.model.backbones.efficientnet_lite import efficientnet_lite0
from sdfl.model.backbones.imagenet import load_imagenet
from sdfl.model.backbones.inverted_residual import InvertedResidualNet
from sdfl.model.backbones.mobilenet_v2 import mobilenet_v2

BACKBONES = {"mobilenet_v2": mobilenet_v2, "efficientnet_lite0": efficientnet_lite0}

__all__ = ["BACKBONES", "InvertedResidualNet", "create_backbone", "load_imagenet"]


def create_backbone(name: str, *, width: float, output_stride: int) -> InvertedResidualNet:
    """Raises ConfigError that lists the choices."""
    if name not in BACKBONES:
        raise ConfigError(f"model.backbone must be one of {', '.join(BACKBONES)}, got {name!r}")
    if output_stride not in (16, 32):
        raise ConfigError(f"model.output_stride must be 16 or 32, got {output_stride}")
    return BACKBONES[name](width=width, output_stride=output_stride)
