"""The loaders' processes, however a system starts them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from sdfl.datasets import find_samples
from sdfl.train.data.detector_dataset import ComposedDataset
from sdfl.train.detector_recipe import load_detector_recipe
from sdfl.train.devices import Devices, launch
from sdfl.train.recipe import load_recipe
from sdfl.train.setup import make_loader
from sdfl.train.tasks.detector import _loader

Make = Callable[[Path, Path, int], "DataLoader[Any]"]


def landmarks(folder: Path, root: Path, workers: int) -> DataLoader[Any]:
    path = folder / "landmarks.toml"
    path.write_text(
        '[about]\nname = "tiny"\n[model]\ninput_size = 64\n[data]\ntrain = ["train"]\n[train]\nbatch_size = 6\n',
        encoding="utf-8",
    )
    recipe = load_recipe(path, [f"data.workers={workers}"])
    fabric = launch(Devices(accelerator="cpu", devices="1"), "32-true")
    loader, _ = make_loader(recipe, find_samples(root / "train", "ibug68"), fabric)
    return loader


def detector(folder: Path, root: Path, workers: int) -> DataLoader[Any]:
    path = folder / "detector.toml"
    path.write_text(
        '[about]\nname = "tiny"\ntraining_data = "generated"\nlicence = "none"\n'
        '[data]\nteacher = ""\nfolders = [{ path = "train", every = 4 }]\n'
        "[compose]\nsize = 128\nface_px = [24.0, 100.0]\nfaces = 2\n[train]\npictures = 16\nbatch_size = 8\n",
        encoding="utf-8",
    )
    recipe = load_detector_recipe(path, [f"data.workers={workers}"])
    fabric = launch(Devices(accelerator="cpu", devices="1"), "32-true")
    samples = find_samples(root / "train", "ibug68")
    nobody, alike = [np.zeros((0, 4), np.float32)] * len(samples), np.ones(len(samples), np.float32)
    loader, _ = _loader(recipe, ComposedDataset(samples, nobody, alike, recipe.compose, seed=1), fabric)
    return loader


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "method"),
    [
        pytest.param(landmarks, "fork", id="landmarks, Linux before Python 3.14"),
        pytest.param(landmarks, "spawn", id="landmarks, macOS and Windows"),
        pytest.param(detector, "forkserver", id="detector, Linux from Python 3.14 on"),
    ],
)
def test_batches_are_the_same_and_survive_requests_to_end(
    make: Make, method: str, tmp_path: Path, face_root: Path
) -> None:
    """A terminal sends Ctrl-C to all processes, a container SIGTERM; the step must end all the same."""
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"{sys.platform} has no {method}")
    expected = list(make(tmp_path, face_root, 0))
    loader = make(tmp_path, face_root, 1)
    loader.multiprocessing_context = method
    batches: Any = iter(loader)
    got = [next(batches)]
    for worker in batches._workers:
        os.kill(worker.pid, signal.SIGINT)
        os.kill(worker.pid, signal.SIGTERM)
    got += list(batches)
    assert len(got) == len(expected) > 1
    for ours, theirs in zip(got, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert torch.equal(one, other)
