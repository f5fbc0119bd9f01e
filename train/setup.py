"""What a training is made of: the network it begins with, its optimizer and schedule, its batches."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from sdfl.datasets import Sample
from sdfl.errors import DataError
from sdfl.model.backbones import load_imagenet
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import Network
from sdfl.train.data.landmark_dataset import FaceDataset, crop_shapes, locate
from sdfl.train.data.pose_balance import pose_weights
from sdfl.train.data.samplers import WeightedSampler
from sdfl.train.recipe import OptimizerConfig, Recipe


def learning_rate_factor(config: OptimizerConfig, epoch: float, epochs: int) -> float:
    """Share of the base learning rate at a (fractional) epoch."""
    if epoch < config.warmup_epochs:
        return (epoch + 1e-3) / config.warmup_epochs
    if config.schedule == "step":
        return config.step_factor ** int(epoch // config.step_epochs)
    progress = (epoch - config.warmup_epochs) / (epochs - config.warmup_epochs)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def make_optimizer(config: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    """AdamW spares biases and normalisation from weight decay; SGD decays all, as the paper's plain SGD does."""
    if config.name == "sgd":
        return torch.optim.SGD(
            network.parameters(), config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    decayed = [p for p in network.parameters() if p.ndim > 1]
    spared = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, config.learning_rate)


def make_network(recipe: Recipe, samples: list[Sample], data: Path, *, pretrained: bool = True) -> Network:
    """A fresh network: graph and mean shape from the samples, backbone from ImageNet where the recipe says so and
    `pretrained` is not False (as where all weights are replaced anyway)."""
    config = recipe.model
    graph = LandmarkGraph.from_points(
        crop_shapes(samples), config.neighbours, how=config.correlation, symmetric=config.symmetric
    )
    network = Network(recipe.model, graph)
    if pretrained and recipe.train.imagenet:
        load_imagenet(network.backbone, locate(data, recipe.train.imagenet))
    return network


def first_crops(recipe: Recipe, samples: list[Sample], count: int = 256) -> Tensor:
    """(M, S, S, 3) uint8: crops as training cuts them, of at most `count` pictures spread over `samples`."""
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
    config = recipe.data
    weights = pose_weights(crop_shapes(samples), config.balance_bins, config.balance_max_repeat)
    sampler = WeightedSampler(weights, recipe.train.seed, rank=fabric.global_rank, ranks=fabric.world_size)
    loader = DataLoader(
        _dataset(recipe, samples, config.cache_gib),
        batch_size=recipe.train.batch_size,
        sampler=sampler,  # its keys carry the epoch, so that workers need no message
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        drop_last=True,
        pin_memory=fabric.device.type == "cuda",
    )
    if not len(loader):
        raise DataError(f"{len(samples)} training pictures do not fill one batch of {recipe.train.batch_size}")
    return loader, sampler
