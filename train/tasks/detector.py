"""The detector's training, top to bottom: set up, then for every epoch compose, train, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from sdfl.datasets import Sample, find_samples
from sdfl.errors import CheckpointError, DataError
from sdfl.model.checkpoint import load_checkpoint, load_weights, save_checkpoint
from sdfl.model.detector.checkpoint import KIND, is_detector
from sdfl.model.detector.losses import Targets, detector_losses
from sdfl.model.detector.network import FaceDetector, cell_grid, decode
from sdfl.train.data.detector_dataset import ComposedDataset, PositionSampler
from sdfl.train.data.detector_pictures import further_faces
from sdfl.train.data.landmark_dataset import locate
from sdfl.train.detector_recipe import DetectorRecipe, Folder
from sdfl.train.loop import Devices, launch, one_line_errors
from sdfl.train.progress import EpochReport, Reporter
from sdfl.train.recipe import same_recipe
from sdfl.train.setup import learning_rate_factor, make_optimizer
from sdfl.train.stop_request import StopRequest
from sdfl.train.weight_average import WeightAverage
from sdfl.types import FloatArray

LAYOUT = "ibug68"
GRADIENT_NORM_LIMIT = 10.0


def split_folder(folder: Folder, data: Path) -> tuple[list[Sample], list[Sample]]:
    """Training and held-out pictures of one folder below --data."""
    samples = find_samples(locate(data, folder.path), LAYOUT)
    if not folder.every:
        return samples, []
    return [sample for i, sample in enumerate(samples) if i % folder.every], samples[:: folder.every]


def training_samples(recipe: DetectorRecipe, data: Path) -> tuple[list[Sample], FloatArray]:
    """The pictures to train on, and how likely each is drawn."""
    samples: list[Sample] = []
    chances: list[FloatArray] = []
    for folder in recipe.data.folders:
        train, _ = split_folder(folder, data)
        samples += train
        chances.append(np.full(len(train), folder.share, np.float32))
    if not samples:
        raise DataError("data.folders: hold no picture to train on")
    return samples, np.concatenate(chances)


def fit_detector(
    recipe: DetectorRecipe,
    data: Path,
    out: Path,
    *,
    resume: Path | None = None,
    devices: Devices | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Train `recipe` on the pictures below `data`; returns the last checkpoint, `out`/last.ckpt.

    resume: a checkpoint of the same recipe; training goes on after its last whole epoch. Raises DataError, ConfigError
    or CheckpointError before the first step where something does not fit.
    """
    reporter = reporter or Reporter()
    fabric = launch(devices or Devices(), recipe.train.precision)
    torch.manual_seed(recipe.train.seed)
    samples, chances = training_samples(recipe, data)
    others = [np.zeros((0, 4), np.float32)] * len(samples)
    if recipe.data.teacher:
        teacher = locate(data, recipe.data.teacher)
        others = further_faces(samples, teacher, out / "further_faces.json", reporter.waiting("further faces"))
    network = FaceDetector(recipe.detector)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = WeightAverage(network, recipe.train.average_decay)
    optimizer = make_optimizer(recipe.optimizer, network)
    before = _restore(resume, recipe, network, average) if resume else None
    start = int(before["epoch"]) if before else 0
    module, wrapped = fabric.setup(network, optimizer)
    if before:
        optimizer.load_state_dict(before["optimizer"])  # only now do the parameters lie on their device
    sampler = PositionSampler(recipe.train.pictures, rank=fabric.global_rank, ranks=fabric.world_size)
    loader = DataLoader(
        ComposedDataset(samples, others, chances, recipe.compose, seed=recipe.train.seed),
        batch_size=recipe.train.batch_size,
        sampler=sampler,  # its keys carry the epoch, so that workers need no message
        num_workers=recipe.data.workers,
        persistent_workers=recipe.data.workers > 0,
        drop_last=True,
    )
    batches = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
    average.to(fabric.device)
    with reporter.training(recipe.train.epochs, len(loader), start), StopRequest() as stop:
        for epoch in range(start, recipe.train.epochs):
            sampler.epoch = epoch
            terms = _train_epoch(recipe, epoch, fabric, module, wrapped, average, batches, reporter.step)
            if fabric.is_global_zero:
                _save(out, recipe, epoch, network, average, optimizer)
                reporter.epoch(EpochReport(epoch, terms, optimizer.param_groups[0]["lr"]))
            fabric.barrier()
            if epoch + 1 < recipe.train.epochs and stop.agreed(fabric):
                reporter.say(f"stopped after epoch {epoch + 1}; {out / 'last.ckpt'} goes on from here with --resume")
                raise KeyboardInterrupt
    return out / "last.ckpt"


def _train_epoch(
    recipe: DetectorRecipe, epoch: int, fabric: Fabric, module: Any, optimizer: Any, average: WeightAverage,
    batches: Any, on_step: Callable[[], None],
) -> dict[str, float]:  # fmt: skip
    """One epoch; returns the mean of every loss term."""
    module.train()
    size = recipe.compose.size
    centres, strides = (each.to(fabric.device) for each in cell_grid(size, size))
    sums: dict[str, Tensor | float] = {}
    for step, (images, boxes, points, kind) in enumerate(one_line_errors(batches)):
        factor = learning_rate_factor(recipe.optimizer, epoch + step / len(batches), recipe.train.epochs)
        for group in optimizer.param_groups:
            group["lr"] = recipe.optimizer.learning_rate * factor
        cells = decode(module(images).float(), centres, strides)
        terms = detector_losses(cells, Targets(boxes, points, kind), centres, strides, recipe.loss)
        loss = torch.stack(list(terms.values())).sum()
        fabric.backward(loss)
        fabric.clip_gradients(module, optimizer, max_norm=GRADIENT_NORM_LIMIT)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update(module.module)
        for name, term in {**terms, "loss": loss}.items():
            sums[name] = sums.get(name, 0.0) + term.detach()
        on_step()
    means = {name: float(value) / len(batches) for name, value in sums.items()}
    if not np.isfinite(means["loss"]):
        raise DataError("the loss is not finite; lower optimizer.learning_rate")
    return means


def _save(
    out: Path, recipe: DetectorRecipe, epoch: int, network: FaceDetector, average: WeightAverage, optimizer: Any
) -> None:
    state = {"optimizer": optimizer.state_dict(), "average": average.state, "average_steps": average.steps}
    save_checkpoint(out / "last.ckpt", network, kind=KIND, recipe=recipe.as_dict(), epoch=epoch + 1, **state)


def _restore(path: Path, recipe: DetectorRecipe, network: FaceDetector, average: WeightAverage) -> dict[str, Any]:
    """Load the weights of a checkpoint to go on from; returns its content."""
    content = load_checkpoint(path)
    if not is_detector(content) or "optimizer" not in content:
        raise CheckpointError(f"{path}: is no detector's training and cannot be resumed; take its last.ckpt")
    if content["model"] != asdict(recipe.detector):
        raise CheckpointError(f"{path}: was trained with another [detector] section than the recipe's")
    same_recipe(path, content["recipe"], recipe)
    load_weights(network, content["weights"], path)
    average.state, average.steps = content["average"], content["average_steps"]
    return content
