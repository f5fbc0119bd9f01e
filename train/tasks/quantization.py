"""Quantization-aware fine-tuning: the int8 network learns to say what its fp32 original says.

No labels are used: the original's outputs on the same augmented crops are the targets (Hinton et al., 2015), so that
int8 is a copy of the fp32 model and not another model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sdfl.datasets import Sample
from sdfl.errors import ConfigError, DataError
from sdfl.geometry import REFERENCE_CROP_PX
from sdfl.model.checkpoint import read_checkpoint
from sdfl.model.fold import fold
from sdfl.model.landmarks.graph_head import HeadOutput
from sdfl.model.landmarks.network import ModelConfig
from sdfl.model.quantize import calibrate, crops_of, prepare
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices, launch
from sdfl.train.loop import Task, run
from sdfl.train.progress import Reporter
from sdfl.train.recipe import About, Recipe
from sdfl.train.setup import make_loader
from sdfl.train.tasks.landmarks import NME, validation
from sdfl.types import Image


def fit_quantized(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    source: Path,
    resume: Path | None = None,
    devices: Devices = Devices(),  # noqa: B008  frozen
    reporter: Reporter | None = None,
) -> Path:
    """Quantize a float network and fine-tune it.

    Args:
        recipe: one with a section [quantize]; [model] comes from the checkpoint.
        data: the folder that holds the recipe's pictures.
        out: folder for checkpoints and logs.
        source: the float network's checkpoint.
        resume: a checkpoint of the same recipe and `source`; training continues as if it had never stopped.
        devices: where to train.
        reporter: told what happens.

    Returns:
        The last checkpoint, `out`/last.ckpt.

    Raises:
        ConfigError: the recipe has no [quantize], or another [model] than the checkpoint.
        DataError: there are too few pictures.
        CheckpointError: the checkpoint is quantized already, or its network computes values that are not finite.
    """
    quantize = recipe.quantize
    if quantize is None:
        raise ConfigError(f"{recipe.about.name}: a recipe for quantization needs a [quantize] section")
    checkpoint = read_checkpoint(source)
    checkpoint.require_float()
    original = checkpoint.landmark_network()
    recipe = _complete(recipe, original.config, checkpoint.about)
    fabric = launch(devices, recipe.train.precision)
    torch.manual_seed(recipe.train.seed)
    training, held_out = split_samples(recipe.data, data, recipe.model.layout)
    teacher = fold(original).requires_grad_(False)
    network = prepare(fold(original), quantize.float_layers)
    if not resume:
        calibrate(network, _calibration_crops(training, quantize.images, recipe.model.input_size, data))
    teacher.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(module: Any, batch: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        crops, _, has_face = batch
        with torch.no_grad():
            wanted = teacher(crops)
        return distillation_losses(module(crops), wanted, has_face, recipe.model.input_size)

    loader, sampler = make_loader(recipe, training, fabric)
    validate = validation(held_out, recipe.about.name, str(fabric.device))
    plan = {"quantization": {"method": "qat", "float_layers": list(quantize.float_layers)}}
    task = Task(recipe, network, loader, sampler, losses, NME, validate, plan)
    return run(task, fabric, out, resume=resume, reporter=reporter or Reporter())


def _calibration_crops(samples: list[Sample], images: int, size: int, data: Path) -> Image:
    """Of `images` pictures spread evenly over `samples`, which lie below `data`."""
    if len(samples) < images:
        raise DataError(f"{data}: holds {len(samples)} training pictures, quantize.images asks for {images}")
    return crops_of([samples[index * len(samples) // images] for index in range(images)], size)


def _complete(recipe: Recipe, model: ModelConfig, about: Mapping[str, Any]) -> Recipe:
    """The recipe with the checkpoint's model and what it says about itself."""
    if recipe.model not in (ModelConfig(), model):
        raise ConfigError("model: a quantization recipe takes its [model] from the checkpoint; leave the section out")
    return dataclasses.replace(recipe, model=model, about=About(**about) if about else recipe.about)


def distillation_losses(
    student: HeadOutput, teacher: HeadOutput, has_face: Tensor, input_size: int
) -> dict[str, Tensor]:
    """Differences between the outputs of two folded networks.

    Args:
        student: of the int8 network.
        teacher: of the float network on the same crops.
        has_face: (B,) bool; points and scales of the other crops do not count.
        input_size: crop px.

    Returns:
        The terms of the loss; "points" in px of a crop of REFERENCE_CROP_PX.
    """
    error = (student.points - teacher.points).abs().mean(dim=(1, 2)) * (REFERENCE_CROP_PX / input_size)
    weight = has_face.float() / has_face.sum().clamp(min=1)
    scale = (student.log_scale - teacher.log_scale).abs().mean(dim=1)
    return {
        "points": (error * weight).sum(),
        "log_scale": (scale * weight).sum(),
        "presence": F.mse_loss(torch.sigmoid(student.presence_logit), torch.sigmoid(teacher.presence_logit)),
    }
