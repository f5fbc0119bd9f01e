"""Checkpoints: one file with the network's shape, its weights, and whatever training needs to go on."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sdfl.config import build
from sdfl.errors import CheckpointError, ConfigError
from sdfl.files import atomic_path
from sdfl.model.detector.network import FaceDetector
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network

FORMAT = "sdfl-checkpoint-1"


def save_checkpoint(path: Path, network: Network | FaceDetector, **entries: Any) -> None:
    """Write `network` and further `entries` (plain containers and tensors) to `path`, whole or not at all."""
    content = {"format": FORMAT, "model": asdict(network.config), "weights": network.state_dict(), **entries}
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content of a checkpoint. Raises CheckpointError where it is missing, cut off or something else."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise CheckpointError(f"{path}: is not a complete checkpoint; train again or take an older one") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is not an SDFL checkpoint ({FORMAT})")
    return content


def network_from_checkpoint(path: Path) -> tuple[Network, dict[str, Any]]:
    """The network with the weights to deploy (the moving average where there is one) and the checkpoint's content."""
    content = load_checkpoint(path)
    if "kind" in content:
        raise CheckpointError(f"{path}: is a {content['kind']}, not a landmark network")
    try:
        weights = content.get("average") or content["weights"]
        graph = LandmarkGraph(weights["head.neighbours"], weights["head.mean_shape"])
        network = Network(build(ModelConfig, content["model"], "model."), graph)
    except (ConfigError, KeyError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    load_weights(network, weights, path)
    return network.eval(), content


def load_weights(network: nn.Module, weights: dict[str, Any], origin: Path) -> None:
    """Copy `weights` into `network`. Raises CheckpointError that says which layer does not fit."""
    own = network.state_dict()
    for key in own.keys() | weights.keys():
        theirs = tuple(weights[key].shape) if key in weights else "missing"
        mine = tuple(own[key].shape) if key in own else "missing"
        if theirs != mine:
            raise CheckpointError(f"{origin}: does not fit the model in the recipe: {key} is {theirs}, expected {mine}")
    network.load_state_dict(weights)
