"""Quantization-aware fine-tuning: the int8 network learns to say what its fp32 original says.

No labels are used: the original's outputs on the same augmented crops are the targets (Hinton et al., 2015), so that
int8 is a copy of the fp32 model and not another model.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from sdfl.errors import ConfigError, DataError
from sdfl.evaluation import evaluate
from sdfl.model.checkpoint import network_from_checkpoint, save_checkpoint
from sdfl.model.fold import fold
from sdfl.model.head import HeadOutput
from sdfl.model.losses import LOSS_CROP_PX
from sdfl.model.network import ModelConfig, Network
from sdfl.model.quantize import QuantizedBackend, calibrate, crops_of, prepare, require_float
from sdfl.train.dataset import split_samples
from sdfl.train.loop import (
    Devices,
    learning_rate_factor,
    make_loader,
    make_optimizer,
    one_line_errors,
    write_log,
)
from sdfl.train.progress import EpochReport, Reporter
from sdfl.train.recipe import About, Recipe

GRADIENT_NORM_LIMIT = 10.0


def fit_quantized(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    source: Path,
    devices: Devices = Devices(),  # noqa: B008  frozen
    reporter: Reporter | None = None,
) -> Path:
    """Quantize the fp32 checkpoint `source` and fine-tune it on the pictures below `data`; returns `out`/last.ckpt.

    Raises ConfigError for a recipe without [quantize] or with another [model] than the checkpoint's, DataError for too
    few pictures, CheckpointError for a checkpoint that is already quantized or computes NaN.
    """
    if recipe.quantize is None:
        raise ConfigError(f"{recipe.about.name}: a recipe for quantization needs a [quantize] section")
    reporter = reporter or Reporter()
    require_float(source)
    original, content = network_from_checkpoint(source)
    recipe = _complete(recipe, original.config, content.get("recipe", {}).get("about", {}))
    fabric = Fabric(**vars(devices), precision=recipe.train.precision)  # type: ignore[arg-type]
    fabric.launch()
    torch.manual_seed(recipe.train.seed)
    train_samples, validation_samples = split_samples(recipe.data, data, recipe.model.layout)
    assert recipe.quantize is not None
    images = recipe.quantize.images
    if len(train_samples) < images:
        raise DataError(f"{data}: holds {len(train_samples)} training pictures, quantize.images asks for {images}")
    teacher = fold(original).requires_grad_(False)
    network = prepare(fold(original), recipe.quantize.float_layers)
    spread = [train_samples[index * len(train_samples) // images] for index in range(images)]
    calibrate(network, crops_of(spread, recipe.model.input_size))
    teacher.to(fabric.device)
    module, optimizer = fabric.setup(network, make_optimizer(recipe.optimizer, network))
    loader, sampler = make_loader(recipe, train_samples, fabric)
    batches = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
    log = SummaryWriter(str(out / "tensorboard")) if fabric.is_global_zero else None

    with reporter.training(recipe.train.epochs, len(loader), 0):
        for epoch in range(recipe.train.epochs):
            sampler.epoch = epoch
            terms = _train_epoch(recipe, epoch, fabric, module, teacher, optimizer, batches, reporter)
            report = EpochReport(epoch, terms, optimizer.param_groups[0]["lr"])
            if fabric.is_global_zero:
                due = (epoch + 1) % recipe.train.validate_every == 0 or epoch + 1 == recipe.train.epochs
                if validation_samples and due:
                    backend = QuantizedBackend(network, recipe.about.name, str(fabric.device))
                    report.validation = evaluate(backend, validation_samples).summary()
                _save(out, recipe, network, report)
                write_log(log, report)
                reporter.epoch(report)
            fabric.barrier()
    if log:
        log.close()
    return out / "last.ckpt"


def _complete(recipe: Recipe, model: ModelConfig, about: dict[str, Any]) -> Recipe:
    """The recipe with the checkpoint's model and what it says about itself."""
    if recipe.model not in (ModelConfig(), model):
        raise ConfigError("model: a quantization recipe takes its [model] from the checkpoint; leave the section out")
    return dataclasses.replace(recipe, model=model, about=About(**about) if about else recipe.about)


def _train_epoch(
    recipe: Recipe, epoch: int, fabric: Fabric, module: Any, teacher: Network, optimizer: Any, batches: Any,
    reporter: Reporter,
) -> dict[str, float]:  # fmt: skip
    """One pass over the data; returns the mean of every loss term."""
    sums: dict[str, Any] = {}
    for step, (crops, _, has_face) in enumerate(one_line_errors(batches)):
        factor = learning_rate_factor(recipe.optimizer, epoch + step / len(batches), recipe.train.epochs)
        for group in optimizer.param_groups:
            group["lr"] = recipe.optimizer.learning_rate * factor
        with torch.no_grad():
            wanted = teacher(crops)
        terms = distillation_losses(module(crops), wanted, has_face, recipe.model.input_size)
        loss = torch.stack(list(terms.values())).sum()
        fabric.backward(loss)
        fabric.clip_gradients(module, optimizer, max_norm=GRADIENT_NORM_LIMIT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        for name, term in {**terms, "loss": loss}.items():
            sums[name] = sums.get(name, 0.0) + term.detach()
        reporter.step()
    means = {name: float(value) / len(batches) for name, value in sums.items()}
    if not math.isfinite(means["loss"]):
        raise DataError("the loss is not finite; lower optimizer.learning_rate")
    return means


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


def _save(out: Path, recipe: Recipe, network: Network, report: EpochReport) -> None:
    assert recipe.quantize is not None
    facts = {"recipe": recipe.as_dict(), "epoch": report.epoch + 1, "validation": report.validation}
    plan = {"method": "qat", "float_layers": list(recipe.quantize.float_layers)}
    save_checkpoint(out / "last.ckpt", network, quantization=plan, **facts)
