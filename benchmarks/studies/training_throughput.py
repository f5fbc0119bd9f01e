"""Whether the loader or the network limits a training: pictures a second of each, alone and together.

`python -m sdfl.benchmarks.studies.training_throughput RECIPE --data DIR` prints one JSON object; with
`--devices 2 --strategy ddp` that of two processes together, which beside that of one says how a training scales.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from sdfl.model.landmarks.losses import landmark_losses
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.devices import Devices, launch
from sdfl.train.recipe import Recipe, find_recipe, load_recipe
from sdfl.train.setup import make_loader, make_network, make_optimizer

ONE = Devices(devices="1")


def throughput(recipe: Recipe, data: Path, *, steps: int = 20, devices: Devices = ONE) -> dict[str, Any]:
    """Pictures a second of all processes: "loader" (second pass, pictures decoded), "network" (one batch again and
    again) and "training" (both). The loader is no bottleneck where "training" is near "network". The table is
    empty in all processes but the first."""
    fabric = launch(devices, recipe.train.precision)
    samples, _ = split_samples(recipe.data, data, recipe.model.layout)
    network = make_network(recipe, samples, data)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], help="Override one key: section.key=value.")
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--devices", default="1")
    parser.add_argument("--strategy", default="auto")
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    recipe = load_recipe(find_recipe(arguments.recipe), arguments.set)
    devices = Devices(arguments.accelerator, arguments.devices, arguments.strategy)
    rates = throughput(recipe, arguments.data, steps=arguments.steps, devices=devices)
    if rates:
        print(json.dumps(rates))


if __name__ == "__main__":
    main()
