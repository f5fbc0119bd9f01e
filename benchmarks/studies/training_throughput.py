"""Whether the loader or the network limits a training: pictures a second of each, alone and together.

Measured with one and with two processes, it also says how a training scales.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from sdfl.model.landmarks.losses import landmark_losses
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices, launch
from sdfl.train.optimizer import make_optimizer
from sdfl.train.recipe import Recipe
from sdfl.train.setup import make_loader, make_network
from sdfl.train.speed import speed_up

ONE = Devices(devices="1")


def throughput(recipe: Recipe, data: Path, *, steps: int = 20, devices: Devices = ONE) -> dict[str, Any]:
    """Measure a recipe.

    Args:
        recipe: of a landmark network.
        data: the dataset's root.
        steps: of the optimizer, for each number.
        devices: where to train.

    Returns:
        Pictures a second of all processes together: of the "loader" (second pass, when all pictures are decoded), the
        "network" (one batch again and again) and the "training" (both). If "training" is near "network", the loader is
        no bottleneck. Empty in all processes but the first.

    Raises:
        ConfigError: this computer does not have the devices.
    """
    fabric = launch(devices, recipe.train.precision)
    samples, _ = split_samples(recipe.data, data, recipe.model.layout)
    network = make_network(recipe, samples, data)
    speed_up(network, fabric.device)
    module, optimizer = fabric.setup(network, make_optimizer(recipe.optimizer, network))
    loader, sampler = make_loader(recipe, samples, fabric)
    batches = fabric.setup_dataloaders(loader, use_distributed_sampler=False)
    *_, first = batches  # the whole pass decodes every picture once

    def train(source: Iterable[Any]) -> None:
        for crops, points, has_face in source:
            terms = landmark_losses(module(crops), points, has_face, network.head.neighbours, recipe.loss)
            fabric.backward(torch.stack(list(terms.values())).sum())
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if fabric.device.type == "cuda":
            torch.cuda.synchronize()

    train([first] * 3)
    steps = min(steps, len(loader))
    sampler.skip = (len(loader) - steps) * recipe.train.batch_size
    count = steps * recipe.train.batch_size * fabric.world_size
    rates = {}
    for name, work in (
        ("loader", lambda: [None for _ in batches]),
        ("network", lambda: train([first] * steps)),
        ("training", lambda: train(batches)),
    ):
        fabric.barrier()
        start_s = time.perf_counter()
        work()
        fabric.barrier()
        rates[f"{name}_pictures_per_s"] = round(count / (time.perf_counter() - start_s), 1)
    if not fabric.is_global_zero:
        return {}
    return {
        **rates,
        "workers": recipe.data.workers,
        "device": str(fabric.device),
        "processes": fabric.world_size,
        "precision": recipe.train.precision,
        "threads": torch.get_num_threads(),
    }
