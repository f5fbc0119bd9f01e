"""Start a backbone from published ImageNet weights (torchvision's MobileNetV2, EfficientNet-Lite0's own port)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from sdfl.errors import CheckpointError
from sdfl.geometry import MEAN_BGR, STD_BGR
from sdfl.model.backbones.inverted_residual import InvertedResidualNet
from sdfl.model.checkpoint_file import load_torch_file


def load_imagenet(backbone: nn.Module, path: Path) -> None:
    """Copy published weights into a backbone, layer by layer in order, and fit its first layer to the project's input.

    The project's input is BGR, with ImageNet's mean and standard deviation.

    Args:
        backbone: MobileNetV2 or an EfficientNet; changed in place.
        path: a file of torch weights.

    Raises:
        CheckpointError: the file cannot be read, or its layers have other shapes.
    """
    if not isinstance(backbone, InvertedResidualNet):
        raise CheckpointError(f"{path}: ImageNet files are read for MobileNetV2 and EfficientNet only")
    try:
        published = load_torch_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; download it again") from error
    if not isinstance(published, dict) or not all(isinstance(value, Tensor) for value in published.values()):
        raise CheckpointError(f"{path}: holds no plain table of weights; download the published file")
    own = _layers(backbone.state_dict())
    theirs = dict(list(_layers(published).items())[: len(own)])  # what follows is the classifier
    if [value.shape for value in theirs.values()] != [value.shape for value in own.values()]:
        raise CheckpointError(f"{path}: its layers do not fit this backbone; ImageNet weights need width 1.0")
    renamed = dict(zip(own, theirs.values(), strict=True))
    first = next(iter(renamed))
    renamed[first] = renamed[first].flip(1)
    backbone.load_state_dict(renamed, strict=False)
    if backbone.style.pixel_std:
        _change_input(backbone, backbone.style.pixel_mean, backbone.style.pixel_std)


@torch.no_grad()
def _change_input(backbone: InvertedResidualNet, mean: float, std: float) -> None:
    """Make a stem that expects (x - mean) / std compute the same from the project's input.

    The scale goes into the weights, the shift into the running mean: exact but for the zero-padded border, a pixel
    row and column here.
    """
    conv = next(module for module in backbone.stem if isinstance(module, nn.Conv2d))
    norm = next(module for module in backbone.stem if isinstance(module, nn.BatchNorm2d))
    assert norm.running_mean is not None
    shift = (torch.tensor(MEAN_BGR) - mean) / std
    norm.running_mean -= (conv.weight.sum(dim=(2, 3)) * shift).sum(dim=1)
    conv.weight *= (torch.tensor(STD_BGR) / std).view(1, 3, 1, 1)


def _layers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
