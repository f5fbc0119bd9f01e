"""What a training is made of: the network it begins with, and its batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from sdfl.datasets import Sample
from sdfl.errors import DataError
from sdfl.model.backbones import load_imagenet
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import Network
from sdfl.train.data.landmark_dataset import FaceDataset, crop_shapes, locate
from sdfl.train.data.pose_balance import pose_weights, repeated
from sdfl.train.data.samplers import WeightedSampler
from sdfl.train.recipe import Recipe
from sdfl.train.stop_request import leave_signals_to_the_main_process


def make_network(recipe: Recipe, samples: list[Sample], data: Path, *, pretrained: bool = True) -> Network:
    """Make a fresh landmark network.

    Args:
        recipe: shape of the network, and whether the backbone starts from ImageNet.
        samples: pictures that graph and mean shape are mined from.
        data: the folder that holds ImageNet's weights.
        pretrained: False leaves these out, as where all weights are replaced anyway.

    Raises:
        DataError, CheckpointError: ImageNet's weights are missing or do not fit.
    """
    config = recipe.model
    graph = LandmarkGraph.from_points(
        crop_shapes(samples), config.neighbours, how=config.correlation, symmetric=config.symmetric
    )
    network = Network(recipe.model, graph)
    if pretrained and recipe.train.imagenet:
        load_imagenet(network.backbone, locate(data, recipe.train.imagenet))
    return network


def first_crops(recipe: Recipe, samples: list[Sample], count: int = 256) -> Tensor:
    """Cut crops as training cuts them.

    Args:
        recipe: how crops vary.
        samples: pictures.
        count: how many crops at most, spread over the pictures.

    Returns:
        (M, S, S, 3) uint8.
    """
    dataset = _dataset(recipe, samples, cache_gib=0)
    count = min(count, len(samples))
    return torch.stack([dataset[0, i, i * len(samples) // count][0] for i in range(count)])


def _dataset(recipe: Recipe, samples: list[Sample], cache_gib: float) -> FaceDataset:
    return FaceDataset(
        samples,
        recipe.model.input_size,
        recipe.augment,
        no_face=recipe.data.no_face,
        seed=recipe.train.seed,
        cache_gib=cache_gib,
    )


def make_loader(recipe: Recipe, samples: list[Sample], fabric: Fabric) -> tuple[DataLoader[Any], WeightedSampler]:
    """Make the batches of a landmark network's training.

    Args:
        recipe: size of a batch, and how crops vary.
        samples: pictures to train on.
        fabric: of the training.

    Returns:
        The loader, and the sampler that decides its order.

    Raises:
        DataError: the pictures do not fill a batch.
    """
    config = recipe.data
    weights = pose_weights(crop_shapes(samples), config.balance_bins, config.balance_max_repeat)
    weights *= [sample.share for sample in samples]
    count = len(weights)
    if config.balance == "repeat":
        weights = repeated(weights)
        count = int(weights.sum())
    sampler = WeightedSampler(weights, recipe.train.seed, count, rank=fabric.global_rank, ranks=fabric.world_size)
    loader = DataLoader(
        _dataset(recipe, samples, config.cache_gib),
        batch_size=recipe.train.batch_size,
        sampler=sampler,  # its keys carry the epoch, so that workers need no message
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        worker_init_fn=leave_signals_to_the_main_process,
        drop_last=True,
        pin_memory=fabric.device.type == "cuda",
    )
    if not len(loader):
        raise DataError(f"{len(samples)} training pictures do not fill one batch of {recipe.train.batch_size}")
    return loader, sampler
