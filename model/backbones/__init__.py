"""Convolutional backbones: (B, 3, S, S) -> (B, C, S / stride, S / stride)."""

from __future__ import annotations

from sdfl.errors import ConfigError, shown
from sdfl.model.backbones.efficientnet import (
    HEAD_CHANNELS,
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_lite0,
    efficientnet_lite1,
    efficientnet_lite2,
)
from sdfl.model.backbones.imagenet import load_imagenet
from sdfl.model.backbones.inverted_residual import InvertedResidualNet
from sdfl.model.backbones.mobilenet_v2 import mobilenet_v2
from sdfl.model.backbones.timm_maps import PREFIX, TimmBackbone

BACKBONES = {
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet_b0,
    "efficientnet_b1": efficientnet_b1,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite1": efficientnet_lite1,
    "efficientnet_lite2": efficientnet_lite2,
}

__all__ = ["BACKBONES", "PREFIX", "Backbone", "InvertedResidualNet", "TimmBackbone", "create_backbone", "load_imagenet"]

Backbone = InvertedResidualNet | TimmBackbone


def create_backbone(
    name: str, *, width: float, output_stride: int, blocks: int = 0, conv_head: bool = False
) -> Backbone:
    """Make a backbone with fresh weights.

    Args:
        name: one of BACKBONES, or "timm/" and the name of a timm model.
        width: multiplies the channels of MobileNetV2; 1 for all others.
        output_stride: 16 or 32, side of the input over side of the feature map.
        blocks: how many of the first inverted residuals are kept, 0 for all.
        conv_head: whether an EfficientNet keeps its last convolution, to 1280 channels.

    Raises:
        ConfigError: the name is unknown (lists the choices), or it does not go with the other arguments.
        MissingDependency: timm is not installed.
    """
    if output_stride not in (16, 32):
        raise ConfigError(f"model.output_stride must be 16 or 32, got {output_stride}")
    if conv_head and not name.startswith("efficientnet"):
        raise ConfigError(f"model.conv_head must be false for {name}; EfficientNets have such a layer")
    if name.startswith(PREFIX):
        if width != 1.0:
            raise ConfigError(f"model.width must be 1.0 for {name}, got {width}")
        if blocks:
            raise ConfigError(f"model.backbone_blocks must be 0 for {name}, got {blocks}")
        return TimmBackbone(name.removeprefix(PREFIX), output_stride)
    if name not in BACKBONES:
        choices = ", ".join(BACKBONES)
        raise ConfigError(f"model.backbone must be one of {choices} or {PREFIX}<model>, got {shown(name)}")
    backbone = BACKBONES[name](width=width, output_stride=output_stride)
    if blocks:
        backbone.keep_first(blocks)
    if conv_head:
        backbone.add_conv_head(HEAD_CHANNELS)
    return backbone
