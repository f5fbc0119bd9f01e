"""Whether the loader or the network limits a training: pictures a second of each, alone and together.

`python -m sdfl.train.throughput RECIPE --data DIR` prints one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

from sdfl.model.losses import landmark_losses
from sdfl.train.dataset import split_samples
from sdfl.train.loop import make_loader, make_network, make_optimizer
from sdfl.train.recipe import Recipe, find_recipe, load_recipe


def throughput(recipe: Recipe, data: Path, *, steps: int = 20, accelerator: str = "auto") -> dict[str, Any]:
    """Pictures a second of one process: "loader" (second pass, pictures decoded), "network" (one batch again and
    again) and "training" (both). The loader is no bottleneck where "training" is near "network"."""
    fabric = Fabric(accelerator=accelerator, devices=1, precision=recipe.train.precision)  # type: ignore[arg-type]
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
    count = steps * recipe.train.batch_size
    rates = {}
    for name, work in (
        ("loader", lambda: [None for _ in batches]),
        ("network", lambda: train([first] * steps)),
        ("training", lambda: train(batches)),
    ):
        start_s = time.perf_counter()
        work()
        rates[f"{name}_pictures_per_s"] = round(count / (time.perf_counter() - start_s), 1)
    return {**rates, "workers": recipe.data.workers, "device": str(fabric.device), "threads": torch.get_num_threads()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()
    recipe = load_recipe(find_recipe(arguments.recipe))
    if arguments.workers is not None:
        recipe = dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, workers=arguments.workers))
    print(json.dumps(throughput(recipe, arguments.data)))


if __name__ == "__main__":
    main()
