"""Checkpoints of the face detector, in float or int8, and the network as it is deployed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sdfl.config import build
from sdfl.errors import CheckpointError, ConfigError
from sdfl.model.checkpoint import load_checkpoint, load_weights
from sdfl.model.detector.network import DetectorConfig, FaceDetector
from sdfl.model.landmarks.fold import fold_batch_norm
from sdfl.model.quantize import is_quantized, prepare
from sdfl.model.quantize.checkpoint import KEY

KIND = "detector"  # of a checkpoint; landmark networks have none


def is_detector(content: dict[str, Any]) -> bool:
    """Whether a checkpoint's content is a face detector's."""
    return content.get("kind") == KIND


def detector_from_checkpoint(path: Path) -> tuple[FaceDetector, dict[str, Any]]:
    """The network to deploy (the moving average where there is one; folded with fake quantization where it is int8)
    and the checkpoint's content. Raises CheckpointError."""
    content = load_checkpoint(path)
    if not is_detector(content):
        raise CheckpointError(f"{path}: is no face detector")
    try:
        stored = {key: list(value) if isinstance(value, tuple) else value for key, value in content["model"].items()}
        network = FaceDetector(build(DetectorConfig, stored, "detector."))
    except (ConfigError, KeyError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    if is_quantized(content):
        network = fold_detector(network)
        prepare(network, content[KEY]["float_layers"])
    # a quantized checkpoint has no average
    load_weights(network, content.get("average") or content["weights"], path)
    return network.eval(), content


@torch.no_grad()
def fold_detector(network: FaceDetector) -> FaceDetector:
    """A copy for export: the same numbers with normalisation and the division by std inside the convolutions."""
    folded = copy.deepcopy(network).eval()
    for module in list(folded.modules()):
        if isinstance(module, nn.Sequential):
            fold_batch_norm(module)
    assert folded.input_std is not None
    first = next(module for module in folded.backbone.modules() if isinstance(module, nn.Conv2d))
    first.weight /= folded.input_std
    folded.input_std = None
    return folded
