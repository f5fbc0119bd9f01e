"""Train and test the cells of an experiment one after the other; what is finished is never done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from sdfl.config import build
from sdfl.errors import CheckpointError, ConfigError, DataError
from sdfl.evaluation import evaluate
from sdfl.files import atomic_path, read_json
from sdfl.model.checkpoint import read_checkpoint
from sdfl.model.landmarks.network import Network
from sdfl.train.data.landmark_dataset import locate, split_samples
from sdfl.train.devices import Devices
from sdfl.train.loop import LAST, is_complete
from sdfl.train.recipe import Recipe, find_recipe, load_recipe
from sdfl.train.recipe_changes import changed_keys
from sdfl.train.reproduce.evaluation_sets import COST, measure, measure_cost, test_samples
from sdfl.train.reproduce.experiment import Cell, Experiment
from sdfl.train.tasks.landmarks import fit_landmarks


@dataclass(frozen=True)
class Run:
    """One cell with one seed.

    Attributes:
        cell: its name.
        seed: of the training.
        epochs: how long it was trained.
        scores: "<test set>.<metric>" -> value.
    """

    cell: str
    seed: int
    epochs: int
    scores: dict[str, float]


def run_all(
    experiment: Experiment,
    data: Path,
    out: Path,
    *,
    seeds: Sequence[int] = (0,),
    overrides: Sequence[str] = (),
    devices: Devices,
    say: Callable[[str], None] = print,
) -> list[Run]:
    """Run or resume all cells of an experiment.

    Args:
        experiment: what to run.
        data: the folder that holds the datasets.
        out: folder for checkpoints and results.
        seeds: one training of each cell for each of them.
        overrides: `section.key=value` for every recipe.
        devices: where to train.
        say: told what is done, a line each.

    Raises:
        DataError, MissingDependency: before the first step, where pictures, weights or a package are missing.
        CheckpointError: a stored result or checkpoint was made with another recipe.
    """
    require_everything(experiment, data, overrides)
    runs: list[Run] = []
    todo = [(cell, seed) for seed in seeds for cell in experiment.cells]
    for index, (cell, seed) in enumerate(todo):
        say(f"{experiment.name}: {cell.name}, seed {seed} ({index + 1} of {len(todo)})")
        runs.append(run_cell(experiment, cell, seed, data, out, overrides=overrides, devices=devices))
    return runs


def require_everything(experiment: Experiment, data: Path, overrides: Sequence[str] = ()) -> None:
    """Check that every cell can be trained and tested, so that no training ends in what could be known before.

    Args:
        experiment: whose cells are checked.
        data: the folder that holds the datasets.
        overrides: `section.key=value` for every recipe.

    Raises:
        DataError: a training set, a test set or a file of ImageNet weights is not below `data`.
        MissingDependency: a backbone needs a package that is not installed.
        ConfigError: a recipe is wrong.
    """
    recipes = [cell_recipe(experiment, cell, 0, overrides) for cell in experiment.cells]
    try:
        for name in dict.fromkeys(name for cell in experiment.cells for name in experiment.tests_of(cell)):
            test_samples(name, data)
        for part, layout in dict.fromkeys((recipe.data, recipe.model.layout) for recipe in recipes):
            split_samples(part, data, layout)
        for weights in {recipe.train.imagenet for recipe in recipes} - {""}:
            locate(data, weights)
    except DataError as error:
        advice = f"; {experiment.name} needs {experiment.needs}" if experiment.needs else ""
        raise DataError(f"{error}{advice}") from error
    for model in dict.fromkeys(recipe.model for recipe in recipes):
        Network(model)


def cell_recipe(experiment: Experiment, cell: Cell, seed: int, overrides: Sequence[str] = ()) -> Recipe:
    """The whole recipe of one training.

    Args:
        experiment: of the cell.
        cell: what is trained.
        seed: of the training.
        overrides: `section.key=value` each.
    """
    path = find_recipe(Path(experiment.recipe_of(cell)))
    return load_recipe(path, [*cell.overrides, *overrides, f"train.seed={seed}"])


def run_cell(
    experiment: Experiment, cell: Cell, seed: int, data: Path, out: Path, *, overrides: Sequence[str], devices: Devices
) -> Run:
    """Take the stored result, or continue from the last checkpoint, or begin. Writes `result.json` when it is done.

    Args:
        experiment: of the cell.
        cell: what is trained.
        seed: of the training.
        data: the folder that holds the datasets.
        out: folder for checkpoints and results.
        overrides: `section.key=value` each.
        devices: where to train.
    """
    recipe = cell_recipe(experiment, cell, seed, overrides)
    folder = out / experiment.name / cell.name / f"seed{seed}"
    stored = read_run(folder / "result.json", recipe)
    if stored:
        return stored
    last = folder / LAST
    if not (last.exists() and is_complete(last, recipe)):
        fit_landmarks(recipe, data, folder, resume=last if last.exists() else None, devices=devices)
    checkpoint = read_checkpoint(last)
    backend = checkpoint.backend()
    scores: dict[str, float] = {}
    for name in experiment.tests_of(cell):
        samples = test_samples(name, data)
        scores |= {f"{name}.{metric}": value for metric, value in measure(evaluate(backend, samples)).items()}
    if any(column.startswith(f"{COST}.") for column in experiment.columns):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        scores |= measure_cost(checkpoint.landmark_network().to(device))
    run = Run(cell.name, seed, recipe.train.epochs, scores)
    content = {**asdict(run), "recipe": recipe.as_dict()}
    with atomic_path(folder / "result.json") as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return run


def read_run(path: Path, recipe: Recipe) -> Run | None:
    """Read a finished run.

    Args:
        path: its result.json.
        recipe: that it was made with.

    Returns:
        None where there is none.

    Raises:
        CheckpointError: the file is no result, or was made with another recipe.
    """
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = read_json(path)
        run, made_with = build(Run, content, unknown_keys=True), content["recipe"]
    except (ConfigError, DataError, TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: is not a result of sdfl reproduce; remove it") from error
    if changed_keys(made_with, recipe):
        raise CheckpointError(f"{path}: was made with another recipe; choose another --out or remove the folder")
    return run
