"""Training a landmark network on labelled pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdfl.artifacts.names import ONNX, has_suffix
from sdfl.datasets import Sample
from sdfl.evaluation import evaluate
from sdfl.model.landmarks.from_onnx import start_from_onnx
from sdfl.model.landmarks.losses import landmark_losses
from sdfl.model.landmarks.network import Network
from sdfl.model.landmarks.torch_backend import TorchBackend
from sdfl.model.landmarks.transfer import start_from
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices, launch
from sdfl.train.loop import Task, run
from sdfl.train.optimizer import learn_in_pixels
from sdfl.train.progress import Reporter, Score
from sdfl.train.recipe import Recipe
from sdfl.train.setup import first_crops, make_loader, make_network

NME = Score("nme_percent", "NME {:.3f} %")


def fit_landmarks(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    resume: Path | None = None,
    start: Path | None = None,
    devices: Devices = Devices(),  # noqa: B008  frozen
    reporter: Reporter | None = None,
) -> Path:
    """Train a landmark network.

    Args:
        recipe: what to train and how.
        data: the folder that holds the recipe's pictures.
        out: folder for checkpoints and logs.
        resume: a checkpoint of the same recipe; training continues as if it had never stopped.
        start: a checkpoint or a float ONNX file whose weights a new training begins with
            (`sdfl.model.landmarks.transfer`, `sdfl.model.landmarks.from_onnx`).
        devices: where to train.
        reporter: told what happens.

    Returns:
        The last checkpoint, `out`/last.ckpt.

    Raises:
        DataError, ConfigError, CheckpointError, ArtifactError: before the first step, where something does not fit.
    """
    fabric = launch(devices, recipe.train.precision)
    torch.manual_seed(recipe.train.seed)
    training, held_out = split_samples(recipe.data, data, recipe.model.layout)
    network = make_network(recipe, training, data, pretrained=not (start or resume))
    if start and not resume:
        if has_suffix(start, ONNX):
            start_from_onnx(network, start, first_crops(recipe, training))
        else:
            start_from(network, start)

    if recipe.optimizer.name == "sgd":
        learn_in_pixels(network, fresh=not start)

    def losses(module: Any, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        crops, points, has_face = batch
        head = network.head
        rows = head.neighbours if head.nearest is None else head.nearest
        return landmark_losses(module(crops), points, has_face, rows, recipe.loss)

    loader, sampler = make_loader(recipe, training, fabric)
    validate = validation(held_out, recipe.about.name, str(fabric.device))
    task = Task(recipe, network, loader, sampler, losses, NME, validate)
    return run(task, fabric, out, resume=resume, reporter=reporter or Reporter())


def validation(samples: Sequence[Sample], name: str, device: str) -> Callable[[Network], dict[str, Any]] | None:
    """What measures a landmark network on held-out pictures.

    Args:
        samples: the held-out pictures.
        name: what the network is called.
        device: where it runs.

    Returns:
        A function from the network to the figures of `Evaluation.summary`; None where there are no pictures.
    """
    if not samples:
        return None
    return lambda network: evaluate(TorchBackend(network, name, device), samples).summary()
