"""Repeat the tables and figures of the paper: `sdfl reproduce table1 --data DIR`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.errors import ConfigError
from sdfl.files import atomic_path
from sdfl.geometry import evaluation_crop
from sdfl.model.checkpoint import read_checkpoint
from sdfl.model.landmarks.losses import ABSOLUTE, LossConfig
from sdfl.model.landmarks.network import Network
from sdfl.model.landmarks.torch_backend import TorchBackend
from sdfl.train.data.landmark_dataset import crop_shapes, split_samples
from sdfl.train.devices import Devices
from sdfl.train.recipe import find_recipe, load_recipe
from sdfl.train.reproduce import figures
from sdfl.train.reproduce.evaluation_sets import HELEN_TEST, test_samples
from sdfl.train.reproduce.occlusion import occlusion_test
from sdfl.train.reproduce.report import write_report
from sdfl.train.reproduce.run import run_all
from sdfl.train.reproduce.tables import EXPERIMENTS, WFLW_NME

TARGETS = (*(name for name in EXPERIMENTS if not name.endswith("-reduced")), "fig2", "fig4", "fig6", "fig9")


def reproduce(
    target: str, data: Path, out: Path, *, reduced: bool = False, seeds: int = 1, overrides: Sequence[str] = (),
    checkpoints: Sequence[Path] = (), devices: Devices | None = None, say: Callable[[str], None] = print,
) -> list[Path]:  # fmt: skip
    """Run or resume what a table or figure needs, and write it.

    Args:
        target: one of TARGETS.
        data: the folder that holds the datasets.
        out: folder for checkpoints, tables and figures.
        reduced: on the part of 300W at hand (table6, fig4, fig2, fig9).
        seeds: trainings of each cell.
        overrides: `section.key=value` for every recipe.
        checkpoints: trained networks for fig2 and fig9.
        devices: where to train.
        say: told what is done, a line each.

    Returns:
        The files that were written.

    Raises:
        ConfigError: lists the choices.
        DataError: says which files to put where.
    """
    if target not in TARGETS:
        raise ConfigError(f"{target}: no such table or figure; choose one of {', '.join(sorted(TARGETS))}")
    if target == "fig6":
        return [figures.draw_losses(out / "fig6.png", LossConfig()), _loss_table(out / "fig6.csv")]
    if target == "fig4":
        recipe = load_recipe(find_recipe(Path("ablation_128" if reduced else "paper_wflw")))
        samples, _ = split_samples(recipe.data, data, recipe.model.layout)
        return [figures.draw_adjacency(crop_shapes(samples), out / "fig4.png")]
    if target in ("fig2", "fig9"):
        return _look_inside(target, data, out, checkpoints, HELEN_TEST if reduced else "wflw:test")
    name = f"{target}-reduced" if reduced else target
    if name not in EXPERIMENTS:
        raise ConfigError(f"{target} has no reduced form; table6, fig2, fig4 and fig9 have")
    experiment = EXPERIMENTS[name]
    runs = run_all(
        experiment, data, out, seeds=range(seeds), overrides=overrides, devices=devices or Devices(), say=say
    )
    paths = write_report(experiment, runs, out)
    if target == "fig8":
        paths.append(figures.draw_neighbours(runs, WFLW_NME, out / "fig8.png"))
    return paths


def _loss_table(path: Path) -> Path:
    import torch

    errors = torch.linspace(0, 40, 81)
    columns = [errors, *(loss(errors, LossConfig()) for loss in ABSOLUTE.values())]
    rows = [[f"{value:.6g}" for value in row] for row in torch.stack(columns, dim=1).tolist()]
    return _write_csv(path, ["error_px", *ABSOLUTE], rows)


def _look_inside(target: str, data: Path, out: Path, checkpoints: Sequence[Path], test_set: str) -> list[Path]:
    if not checkpoints:
        raise ConfigError(f"{target} needs trained networks: give --checkpoint, as `sdfl train` wrote it")
    samples = test_samples(test_set, data)
    networks = {path: read_checkpoint(path).landmark_network() for path in checkpoints}
    for path, network in networks.items():
        if network.config.layout != samples[0].layout:
            raise ConfigError(
                f"{path}: has layout {network.config.layout}, {test_set} has {samples[0].layout}; {target} needs a "
                "network of the same layout"
            )
    if target == "fig9":
        return [
            figures.draw_similarities(network, _crop(network, samples[0]), out / f"fig9-{index}.png")
            for index, network in enumerate(networks.values())
        ]
    chosen = [samples[i] for i in np.unique(np.linspace(0, len(samples) - 1, 60).astype(int))]
    rows = [
        row
        for path, network in networks.items()
        for row in occlusion_test(TorchBackend(network, f"{network.config.head} ({path.parent.name})"), chosen)
    ]
    table = [asdict(row) for row in rows]
    return [
        _write_csv(out / "fig2.csv", list(table[0]), [list(row.values()) for row in table]),
        figures.draw_occlusion(rows, out / "fig2.png"),
    ]


def _crop(network: Network, sample: Sample) -> Any:
    return evaluation_crop(read_image(sample.image_path), sample.points, network.config.input_size).image


def _write_csv(path: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> Path:
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([head, *rows])
    return path
