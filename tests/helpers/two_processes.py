"""Run by torchrun in test_scale.py: the gradient of half a batch in each process, then a short training."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from lightning.fabric import Fabric

from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.losses import LossConfig, landmark_losses
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.train.devices import Devices
from sdfl.train.recipe import load_recipe
from sdfl.train.tasks.landmarks import fit_landmarks


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """8 pictures and their points; process r of two takes every second one from r on."""
    g = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (8, 64, 64, 3), dtype=torch.uint8, generator=g), torch.rand(8, 68, 2, generator=g)


def make_network() -> Network:
    torch.manual_seed(0)
    points = torch.rand(30, 68, 2, generator=torch.Generator().manual_seed(1)).numpy()
    config = ModelConfig(input_size=64, width=0.5, blocks=1, hidden=32)
    return Network(config, LandmarkGraph.from_points(points, 3)).eval()  # batch statistics would differ by design


def gradient(fabric: Fabric, rank: int, ranks: int) -> dict[str, torch.Tensor]:
    network = make_network()
    module = fabric.setup(network)
    images, points = (tensor[rank::ranks] for tensor in batch())
    faces = torch.ones(len(images), dtype=torch.bool)
    terms = landmark_losses(module(images), points, faces, network.head.neighbours, LossConfig())
    fabric.backward(torch.stack(list(terms.values())).sum())
    return {name: value.grad for name, value in network.named_parameters() if value.grad is not None}


def main(out: Path, recipe: Path, data: Path) -> None:
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=2, strategy="ddp", precision="32-true")
    fabric.launch()
    gradients = gradient(fabric, fabric.global_rank, fabric.world_size)
    if fabric.is_global_zero:
        torch.save(gradients, out / "gradients.pt")
    fit_landmarks(
        load_recipe(recipe, ["train.epochs=1", "optimizer.warmup_epochs=0"]),
        data,
        out,
        devices=Devices("cpu", "2", "ddp"),
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
