"""Training the face detector on composed pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, default_collate

from sdfl.datasets import Sample
from sdfl.errors import DataError
from sdfl.model.checkpoint import load_weights, read_checkpoint
from sdfl.model.detector.losses import Targets, detector_losses
from sdfl.model.detector.network import FaceDetector, cell_grid, decode
from sdfl.train.data.detector_dataset import ComposedDataset
from sdfl.train.data.detector_pictures import further_faces
from sdfl.train.data.landmark_dataset import labelled_part, locate
from sdfl.train.data.samplers import EpochSampler
from sdfl.train.detector_recipe import DetectorRecipe, Folder
from sdfl.train.devices import Devices, launch
from sdfl.train.loop import Task, run
from sdfl.train.progress import Reporter, Score
from sdfl.train.stop_request import leave_signals_to_the_main_process
from sdfl.types import FloatArray

LAYOUT = "ibug68"
FURTHER_FACES = "further_faces.json"
LOSS = Score("loss", "loss {:.4g}")
VALIDATION_PICTURES = 256  # composed of held-out faces, at most as many as an epoch has
Batch = tuple[Tensor, Tensor, Tensor, Tensor]  # of `ComposedDataset`
Losses = Callable[[Any, Batch], dict[str, Tensor]]


def fit_detector(
    recipe: DetectorRecipe,
    data: Path,
    out: Path,
    *,
    resume: Path | None = None,
    start: Path | None = None,
    cache: Path | None = None,
    devices: Devices = Devices(),  # noqa: B008  frozen
    reporter: Reporter | None = None,
) -> Path:
    """Train the face detector.

    Validation composes pictures of the held-out faces once and measures the loss on them.

    Args:
        recipe: what to train and how.
        data: the folder that holds the recipe's pictures.
        out: folder for checkpoints and logs.
        resume: a checkpoint of the same recipe; training continues as if it had never stopped.
        start: a float checkpoint of the same shape, whose weights a new training begins with.
        cache: file that keeps where the recipe's teacher sees further faces, for other trainings on the same pictures;
            None for one in `out`.
        devices: where to train.
        reporter: told what happens.

    Returns:
        The last checkpoint, `out`/last.ckpt.

    Raises:
        DataError, ConfigError, CheckpointError: before the first step, where something does not fit.
    """
    reporter = reporter or Reporter()
    fabric = launch(devices, recipe.train.precision)
    torch.manual_seed(recipe.train.seed)

    def dataset(parts: Sequence[tuple[Folder, list[Sample]]]) -> ComposedDataset | None:
        samples = [sample for _, part in parts for sample in part]
        if not samples:
            return None
        others = _further_faces(recipe, data, cache or out / FURTHER_FACES, samples, reporter)
        chances = np.concatenate([np.full(len(part), folder.share, np.float32) for folder, part in parts])
        return ComposedDataset(samples, others, chances, recipe.compose, seed=recipe.train.seed)

    split = [(folder, split_folder(folder, data)) for folder in recipe.data.folders]
    training = dataset([(folder, training) for folder, (training, _) in split])
    if training is None:
        raise DataError("data.folders: hold no picture to train on")
    held_out = dataset([(folder, held_out) for folder, (_, held_out) in split])
    losses = _losses(recipe, fabric)
    loader, sampler = _loader(recipe, training, fabric)
    validate = None
    if held_out and fabric.is_global_zero:  # the process that validates
        validate = _validation(held_out, losses, recipe, fabric.device)
    network = FaceDetector(recipe.detector)
    if start and not resume:
        _start_from(network, start)
    task = Task(recipe, network, loader, sampler, losses, LOSS, validate)
    return run(task, fabric, out, resume=resume, reporter=reporter)


def _start_from(network: FaceDetector, path: Path) -> None:
    checkpoint = read_checkpoint(path)
    source = checkpoint.detector()
    checkpoint.require_float()
    load_weights(network, source.state_dict(), path)


def split_folder(folder: Folder, data: Path) -> tuple[list[Sample], list[Sample]]:
    """Find the pictures of a folder or a list.

    Args:
        folder: of the recipe.
        data: the folder of --data.

    Returns:
        Training and held-out pictures.

    Raises:
        DataError: it is missing, or a picture or label in it is wrong.
    """
    samples = labelled_part(data, folder.path, LAYOUT)
    if folder.last:
        return samples[: -folder.last], samples[-folder.last :]
    if not folder.every:
        return samples, []
    return [sample for i, sample in enumerate(samples) if i % folder.every], samples[:: folder.every]


def _further_faces(
    recipe: DetectorRecipe, data: Path, cache: Path, samples: Sequence[Sample], reporter: Reporter
) -> list[FloatArray]:
    """(K, 4) xyxy px of each picture: where the recipe's teacher sees further faces."""
    if not recipe.data.teacher:
        return [np.zeros((0, 4), np.float32)] * len(samples)
    teacher = locate(data, recipe.data.teacher)
    return further_faces(samples, teacher, cache, reporter.waiting("further faces"))


def _losses(recipe: DetectorRecipe, fabric: Fabric) -> Losses:
    size = recipe.compose.size
    centres, strides = (each.to(fabric.device) for each in cell_grid(size, size))

    def losses(module: Any, batch: Batch) -> dict[str, Tensor]:
        images, boxes, points, kind = batch
        cells = decode(module(images).float(), centres, strides)
        return detector_losses(cells, Targets(boxes, points, kind), centres, strides, recipe.loss)

    return losses


def _loader(recipe: DetectorRecipe, dataset: ComposedDataset, fabric: Fabric) -> tuple[DataLoader[Any], EpochSampler]:
    sampler = EpochSampler(recipe.train.pictures, rank=fabric.global_rank, ranks=fabric.world_size)
    loader = DataLoader(
        dataset,
        batch_size=recipe.train.batch_size,
        sampler=sampler,  # its keys carry the epoch, so that workers need no message
        num_workers=recipe.data.workers,
        persistent_workers=recipe.data.workers > 0,
        worker_init_fn=leave_signals_to_the_main_process,
        drop_last=True,
    )
    return loader, sampler


def _validation(
    dataset: ComposedDataset, losses: Losses, recipe: DetectorRecipe, device: torch.device
) -> Callable[[FaceDetector], dict[str, Any]]:
    """What measures the loss on pictures that are composed here, so that they are always the same."""
    size, count = recipe.train.batch_size, min(VALIDATION_PICTURES, recipe.train.pictures)
    keys = [range(start, min(start + size, count)) for start in range(0, count, size)]
    batches: list[Batch] = [default_collate([dataset[0, position] for position in part]) for part in keys]

    @torch.inference_mode()
    def validate(network: FaceDetector) -> dict[str, Any]:
        terms = [losses(network, tuple(each.to(device) for each in batch)) for batch in batches]  # type: ignore[arg-type]
        means = {name: float(torch.stack([each[name] for each in terms]).mean()) for name in terms[0]}
        return {"loss": sum(means.values()), **means, "num_images": count}

    return validate
