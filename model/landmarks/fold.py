"""Fold everything that training needs and running does not: batch normalisation, input scaling, output units."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from sdfl.model.landmarks.graph_head import GraphConv
from sdfl.model.landmarks.network import Network


@torch.no_grad()
def fold(network: Network) -> Network:
    """A copy for export: the same numbers with fewer operations, outputs in crop px instead of fractions of the side.

    Only the division by std goes into the first convolution. The mean stays a subtraction: folding it would change the
    zero-padded border.
    """
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            fold_batch_norm(module)
        elif isinstance(module, GraphConv):
            module.fold()
    assert folded.input_std is not None
    first = next(module for module in folded.backbone.modules() if isinstance(module, nn.Conv2d))
    first.weight /= folded.input_std
    folded.input_std = None
    folded.head.to_pixels(folded.config.input_size)
    return folded


def normalised(layers: nn.Sequential) -> Iterator[tuple[int, nn.Conv2d, nn.BatchNorm2d]]:
    """The convolutions that a BatchNorm2d follows: index, convolution, normalisation."""
    for index in range(len(layers) - 1):
        conv, norm = layers[index], layers[index + 1]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            yield index, conv, norm


def fold_batch_norm(layers: nn.Sequential) -> None:
    """Replace each convolution that a BatchNorm2d follows by one convolution."""
    for index, conv, norm in normalised(layers):
        layers[index] = fuse_conv_bn_eval(conv, norm)
        layers[index + 1] = nn.Identity()
