"""Fold everything that training needs and running does not: batch normalisation, input scaling, output units."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sdfl.model.detector.network import FaceDetector
from sdfl.model.landmarks.graph_head import EdgeAttention, GraphConv
from sdfl.model.landmarks.network import Network

N = TypeVar("N", Network, FaceDetector)


@torch.no_grad()
def fold(network: N) -> N:
    """Fold a trained network for export: the same numbers with fewer operations.

    Only the division by the standard deviation goes into the first convolution. The mean stays a subtraction, because
    folding it would change the zero-padded border.

    Args:
        network: as it was trained; it is left as it is.

    Returns:
        A copy. A landmark network gives its points and scales in crop px instead of fractions of the crop's side.
    """
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            fold_batch_norm(module)
        elif isinstance(module, GraphConv | EdgeAttention):
            module.fold()
    assert folded.input_std is not None
    first = next(module for module in folded.backbone.modules() if isinstance(module, nn.Conv2d))
    first.weight /= folded.input_std
    folded.input_std = None
    if isinstance(folded, Network):
        folded.head.to_pixels(folded.config.input_size)
    return folded


def normalised(layers: nn.Sequential) -> Iterator[tuple[int, nn.Conv2d, nn.BatchNorm2d]]:
    """Find the convolutions that a BatchNorm2d follows.

    Yields:
        The convolution's index in `layers`, the convolution and its normalisation.
    """
    for index in range(len(layers) - 1):
        conv, norm = layers[index], layers[index + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            yield index, conv, norm


def fold_batch_norm(layers: nn.Sequential) -> None:
    """Replace each convolution that a BatchNorm2d follows by one convolution, in place."""
    for index, conv, norm in normalised(layers):
        layers[index] = fuse_conv_bn_eval(conv, norm)
        layers[index + 1] = nn.Identity()
