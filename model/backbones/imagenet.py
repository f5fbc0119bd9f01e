"""Start a backbone from published ImageNet weights (torchvision's MobileNetV2, EfficientNet-Lite0's own port)."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import Tensor

from sdfl.errors import CheckpointError
from sdfl.model.backbones.inverted_residual import InvertedResidualNet

_CLASSIFIER = ("features.18.", "classifier.", "_conv_head.", "_bn1.", "_fc.")  # what follows the 320 channels


def load_imagenet(backbone: InvertedResidualNet, path: Path) -> None:
    """Copy the weights in `path` into `backbone`, layer by layer in order, and swap the first layer from RGB to BGR.

    Raises CheckpointError where the file cannot be read or its layers have other shapes.
    """
    try:
        published = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise CheckpointError(f"{path}: cannot be read as torch weights; download it again") from error
    theirs = _layers({key: value for key, value in published.items() if not key.startswith(_CLASSIFIER)})
    own = _layers(backbone.state_dict())
    if [value.shape for value in theirs.values()] != [value.shape for value in own.values()]:
        raise CheckpointError(f"{path}: its layers do not fit this backbone; ImageNet weights need width 1.0")
    renamed = dict(zip(own, theirs.values(), strict=True))
    first = next(iter(renamed))
    renamed[first] = renamed[first].flip(1)
    backbone.load_state_dict(renamed, strict=False)


def _layers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
