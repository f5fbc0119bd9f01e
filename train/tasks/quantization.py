"""Quantization-aware fine-tuning: the int8 network learns to say what its fp32 original says.

No labels are used: the original's outputs on the same augmented crops are the targets (Hinton et al., 2015), so that
int8 is a copy of the fp32 model and not another model.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sdfl.datasets import Sample
from sdfl.errors import ConfigError, DataError
from sdfl.model.checkpoint import network_from_checkpoint
from sdfl.model.landmarks.fold import fold
from sdfl.model.landmarks.graph_head import HeadOutput
from sdfl.model.landmarks.losses import LOSS_CROP_PX
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.quantize import QuantizedBackend, calibrate, crops_of, prepare, require_float
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.loop import Devices, Task, launch, run
from sdfl.train.progress import Reporter
from sdfl.train.recipe import About, Recipe
from sdfl.types import Backend, Image

GRADIENT_NORM_LIMIT = 10.0


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
    """Quantize the fp32 checkpoint `source` and fine-tune it on the pictures below `data`; returns `out`/last.ckpt.

    resume: a checkpoint of the same recipe and `source`; training goes on as if it had never stopped. Raises
    ConfigError for a recipe without [quantize] or with another [model] than the checkpoint's, DataError for too few
    pictures, CheckpointError for a checkpoint that is already quantized or computes NaN.
    """
    quantize = recipe.quantize
    if quantize is None:
        raise ConfigError(f"{recipe.about.name}: a recipe for quantization needs a [quantize] section")
    reporter = reporter or Reporter()
    require_float(source)
    original, content = network_from_checkpoint(source)
    recipe = _complete(recipe, original.config, content.get("recipe", {}).get("about", {}))
    fabric = launch(devices, recipe.train.precision)
    torch.manual_seed(recipe.train.seed)
    samples = split_samples(recipe.data, data, recipe.model.layout)
    teacher = fold(original).requires_grad_(False)
    network = prepare(fold(original), quantize.float_layers)
    if not resume:
        calibrate(network, _calibration_crops(samples[0], quantize.images, recipe.model.input_size, data))
    teacher.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def losses(module: Any, crops: Tensor, _: Tensor, has_face: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            wanted = teacher(crops)
        return distillation_losses(module(crops), wanted, has_face, recipe.model.input_size)

    def backend(averaged: Network) -> Backend:
        return QuantizedBackend(averaged, recipe.about.name, str(fabric.device))

    plan = {"quantization": {"method": "qat", "float_layers": list(quantize.float_layers)}}
    task = Task(recipe, losses, backend, plan, GRADIENT_NORM_LIMIT)
    return run(task, network, samples, out, fabric, resume, reporter)


def _calibration_crops(samples: list[Sample], images: int, size: int, data: Path) -> Image:
    """Of `images` pictures spread evenly over `samples`, which lie below `data`."""
    if len(samples) < images:
        raise DataError(f"{data}: holds {len(samples)} training pictures, quantize.images asks for {images}")
    return crops_of([samples[index * len(samples) // images] for index in range(images)], size)


def _complete(recipe: Recipe, model: ModelConfig, about: dict[str, Any]) -> Recipe:
    """The recipe with the checkpoint's model and what it says about itself."""
    if recipe.model not in (ModelConfig(), model):
        raise ConfigError("model: a quantization recipe takes its [model] from the checkpoint; leave the section out")
    return dataclasses.replace(recipe, model=model, about=About(**about) if about else recipe.about)


def distillation_losses(
    student: HeadOutput, teacher: HeadOutput, has_face: Tensor, input_size: int
) -> dict[str, Tensor]:
    """Differences of two folded networks' outputs; points in px of a 256 px crop, where there is a face."""
    error = (student.points - teacher.points).abs().mean(dim=(1, 2)) * (LOSS_CROP_PX / input_size)
    weight = has_face.float() / has_face.sum().clamp(min=1)
    scale = (student.log_scale - teacher.log_scale).abs().mean(dim=1)
    return {
        "points": (error * weight).sum(),
        "log_scale": (scale * weight).sum(),
        "presence": F.mse_loss(torch.sigmoid(student.presence_logit), torch.sigmoid(teacher.presence_logit)),
    }
