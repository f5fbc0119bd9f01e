"""Start a network from another one's weights.

The other one has the same shape, or a wider MobileNetV2-like backbone whose most used channels are kept (magnitude of
the normalisation's gain: Liu et al., Network Slimming, ICCV 2017). Of a network with another layout, whose head has
other points, only the backbone is taken.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sdfl.errors import CheckpointError
from sdfl.model.backbones import InvertedResidualNet
from sdfl.model.backbones.inverted_residual import InvertedResidual
from sdfl.model.checkpoint import load_weights, read_checkpoint
from sdfl.model.landmarks.network import ModelConfig, Network


@torch.no_grad()
def start_from(network: Network, path: Path) -> None:
    """Copy the weights of a checkpoint into `network`.

    Graph and mean shape come along, unless the layouts differ: then only the backbone is copied.

    Args:
        network: changed in place.
        path: the checkpoint; its backbone may be a wider MobileNetV2 or EfficientNet-Lite.

    Raises:
        CheckpointError: it is quantized, or its shapes differ by more than the backbone's width and the points.
    """
    checkpoint = read_checkpoint(path)
    source = checkpoint.landmark_network()
    if checkpoint.is_quantized:
        raise CheckpointError(f"{path}: is quantized; start from a float checkpoint")
    if source.config.width > network.config.width:
        plain = isinstance(source.backbone, InvertedResidualNet) and not source.backbone.style.squeeze
        if not plain or source.config.backbone != network.config.backbone:
            raise CheckpointError(
                f"{path}: only a MobileNetV2 or EfficientNet-Lite can start a narrower one of its kind"
            )
        narrow(source, network.config.width)
    if source.config.layout != network.config.layout:
        load_weights(network.backbone, source.backbone.state_dict(), path)
        return
    weights, wanted = source.state_dict(), network.state_dict()
    if len(weights) == len(wanted):  # with another output stride layers that pad stand elsewhere and shift the numbers
        weights = dict(zip(wanted, weights.values(), strict=True))
    load_weights(network, weights, path)


def narrow(network: Network, width: float) -> None:
    """Make a network's backbone narrower, in place; the head's first layer follows.

    Args:
        network: with a MobileNetV2 or EfficientNet-Lite.
        width: of the narrower one.
    """
    backbone = network.backbone
    assert isinstance(backbone, InvertedResidualNet)
    shape = Network(ModelConfig(**{**vars(network.config), "width": width})).backbone
    assert isinstance(shape, InvertedResidualNet)
    blocks, wanted = _blocks(backbone), [_layers(block) for block in _blocks(shape)]
    stem = list(backbone.stem)
    kept = _most_used([stem[1]], list(shape.stem)[1])
    _select(stem[0], stem[1], outputs=kept)
    index = 0
    while index < len(blocks):
        stage = [index]  # blocks that a skip connection ties together share their output channels
        while stage[-1] + 1 < len(blocks) and blocks[stage[-1] + 1].skip:
            stage.append(stage[-1] + 1)
        out = _most_used([_layers(blocks[i])[-1] for i in stage], wanted[index][-1])
        for i in stage:
            _narrow_block(_layers(blocks[i]), wanted[i], kept, out)
            kept = out
        index = stage[-1] + 1
    backbone.out_channels = len(kept)
    first = next(module for module in network.head.modules() if isinstance(module, nn.Conv2d))
    _select(first, None, inputs=kept)


def _blocks(backbone: InvertedResidualNet) -> list[InvertedResidual]:
    return [block for block in backbone.blocks if isinstance(block, InvertedResidual)]


def _layers(block: InvertedResidual) -> list[nn.Module]:
    """Its convolutions and normalisations in order: expansion, where it has one, depthwise, projection, in pairs."""
    return [module for module in block.modules() if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]


def _narrow_block(layers: list[nn.Module], wanted: list[nn.Module], inputs: Tensor, outputs: Tensor) -> None:
    """layers, wanted: of `_layers`. Without an expansion the depthwise convolution works on the inputs themselves."""
    *expansion, depthwise, spread, project, norm = layers
    wide = _most_used([spread], wanted[-3]) if expansion else inputs
    if expansion:
        _select(expansion[0], expansion[1], inputs=inputs, outputs=wide)
    _select(depthwise, spread, outputs=wide)
    assert isinstance(depthwise, nn.Conv2d)
    depthwise.groups = len(wide)
    _select(project, norm, inputs=wide, outputs=outputs)


def _most_used(norms: list[nn.Module], wanted: nn.Module) -> Tensor:
    """Indices, rising, of as many channels as `wanted` has: those with the largest gains, summed over `norms`."""
    assert isinstance(wanted, nn.BatchNorm2d)
    gains = torch.stack([norm.weight.abs() for norm in norms if isinstance(norm, nn.BatchNorm2d)]).sum(dim=0)
    return gains.topk(wanted.num_features).indices.sort().values


def _select(
    conv: nn.Module, norm: nn.Module | None, *, inputs: Tensor | None = None, outputs: Tensor | None = None
) -> None:
    """Keep some input and output channels of a convolution and of the normalisation behind it."""
    assert isinstance(conv, nn.Conv2d)
    weight = conv.weight if inputs is None else conv.weight[:, inputs]
    conv.weight = nn.Parameter(weight if outputs is None else weight[outputs])
    if isinstance(norm, nn.BatchNorm2d) and outputs is not None:
        norm.weight, norm.bias = nn.Parameter(norm.weight[outputs]), nn.Parameter(norm.bias[outputs])
        norm.running_mean, norm.running_var = (
            statistic[outputs] for statistic in (norm.running_mean, norm.running_var) if statistic is not None
        )
