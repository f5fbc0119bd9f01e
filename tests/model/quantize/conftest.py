"""Tiny networks, trained for two epochs on generated faces, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import faces
import pytest
import torch

from sdfl.convert.export.landmarks import export
from sdfl.convert.post_training_quantization import quantize
from sdfl.model.checkpoint import read_checkpoint
from sdfl.train.devices import Devices
from sdfl.train.recipe import Recipe, load_recipe
from sdfl.train.tasks.landmarks import fit_landmarks

CPU = Devices(accelerator="cpu", devices="1")
COMMON = """
[about]
name = "tiny"
[data]
train = ["train"]
workers = 0
[train]
epochs = 2
batch_size = 6
precision = "32-true"
[optimizer]
warmup_epochs = 1
"""
FLOAT = (
    "[model]\ninput_size = 64\noutput_stride = 16\nblocks = 1\nhidden = 32\nbackbone = '{backbone}'\nwidth = {width}\n"
    "map_to_node = '{map_to_node}'\n"
)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Sums in a fixed order; and two threads on a busy computer wait for each other many times longer."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def face_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root with 18 generated faces in `train`."""
    root = tmp_path_factory.mktemp("faces")
    faces.write_faces(root / "train", 18)
    return root


@pytest.fixture(scope="session")
def make_recipe(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recipe]:
    folder = tmp_path_factory.mktemp("recipes")

    def make(text: str, *overrides: str) -> Recipe:
        path = folder / "recipe.toml"
        path.write_text(COMMON + text)
        return load_recipe(path, overrides)

    return make


@pytest.fixture(scope="session")
def trained(
    face_root: Path, make_recipe: Callable[..., Recipe], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """The fp32 checkpoint of a backbone, or of "backbone, map_to_node", after two epochs; trained once a session."""
    made: dict[str, Path] = {}

    def train(network: str) -> Path:
        if network not in made:
            backbone, _, head = network.partition(", ")
            width = 0.5 if backbone == "mobilenet_v2" else 1.0  # the others have no narrower form
            recipe = make_recipe(FLOAT.format(backbone=backbone, width=width, map_to_node=head or "full"))
            made[network] = fit_landmarks(recipe, face_root, tmp_path_factory.mktemp(backbone), devices=CPU)
        return made[network]

    return train


@pytest.fixture(scope="session")
def checkpoint(trained: Callable[[str], Path]) -> Path:
    return trained("mobilenet_v2")


@pytest.fixture(scope="session")
def quantized(checkpoint: Path, face_root: Path) -> Path:
    """Post-training quantized."""
    return quantize(read_checkpoint(checkpoint), face_root, checkpoint.with_name("ptq.ckpt"), images=18)


@pytest.fixture(scope="session")
def exported(quantized: Path) -> Path:
    return export(read_checkpoint(quantized), quantized.with_suffix(".onnx"))
