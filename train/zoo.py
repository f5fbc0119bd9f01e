"""How the models in the package are made: trainings one after the other, each from where the one before ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sdfl.core import Backend
from sdfl.datasets import find_samples
from sdfl.errors import ConfigError
from sdfl.model.checkpoint import load_checkpoint
from sdfl.train.dataset import locate
from sdfl.train.loop import Devices, fit
from sdfl.train.pseudo_labels import write_pseudo_labels
from sdfl.train.qat import fit_quantized
from sdfl.train.recipe import Recipe, find_recipe, load_recipe

UNLABELLED = "ytf"  # the folder below --data that a teacher labels
LABELS = "labels/ytf.txt"  # what recipes call the list that it writes
FINAL = ("data.train=['afw','helen/trainset']", "data.holdout.every=0")  # every labelled picture, nothing else


@dataclass(frozen=True)
class Stage:
    """One training. overrides: `section.key=value` on the recipe. start: a stage of any plan, as "<model>/<stage>",
    whose weights it begins with; "" for none."""

    name: str
    recipe: str
    overrides: tuple[str, ...] = ()
    start: str = ""


@dataclass(frozen=True)
class Plan:
    """teacher: the zoo model that labels UNLABELLED, "" for none. The last stage but one gives the float model, the
    last one the int8 model."""

    teacher: str
    stages: tuple[Stage, ...]


def _refit(model: str, epochs: int) -> Stage:
    """The last pass of a frozen recipe: on every labelled picture, the held-out part among them."""
    overrides = (*FINAL, f"train.epochs={epochs}", "optimizer.learning_rate=3e-4", "optimizer.warmup_epochs=1")
    return Stage("refit", model, (*overrides, "train.imagenet=''"), f"{model}/main")


PLANS: Mapping[str, Plan] = {
    "small": Plan(
        "sdfl68",
        (Stage("main", "small"), _refit("small", 30), Stage("int8", "qat", (), "small/refit")),
    ),
    "nano": Plan(
        "sdfl68",
        (
            Stage("main", "nano", (), "small/main"),
            _refit("nano", 30),
            Stage("int8", "qat", (), "nano/refit"),
        ),
    ),
}


def train_plan(
    name: str,
    data: Path,
    out: Path,
    *,
    open_teacher: Callable[[str], Backend],
    devices: Devices = Devices(),  # noqa: B008  frozen
    say: Callable[[str], None] = print,
) -> tuple[Path, Path]:
    """Run or resume every stage of `name` below `out`/`name`; returns the float and the int8 checkpoint.

    What is finished is never done again, so that an end in the middle costs one epoch. Stages of other models that this
    one starts from are trained first. Raises ConfigError for a name without a plan.
    """
    if name not in PLANS:
        raise ConfigError(f"{name}: has no training plan; choose {', '.join(PLANS)}")
    plan = PLANS[name]
    labels = out / f"{UNLABELLED}-by-{plan.teacher}.txt"
    if plan.teacher and not labels.exists():
        say(f"labelling {UNLABELLED} by {plan.teacher}")
        write_pseudo_labels(find_samples(locate(data, UNLABELLED)), open_teacher(plan.teacher), labels)
    checkpoints = []
    for stage in plan.stages:
        model, _, start = stage.start.partition("/")
        if start and model != name:
            train_plan(model, data, out, open_teacher=open_teacher, devices=devices, say=say)
        source = out / model / start / "last.ckpt" if start else None
        say(f"{name}: {stage.name}")
        checkpoints.append(_run(stage, data, out / name / stage.name, source, labels, devices))
    return checkpoints[-2], checkpoints[-1]


def stage_recipe(stage: Stage, labels: Path) -> Recipe:
    """The whole recipe of a stage, with the list of pseudo-labels where it lies."""
    path = find_recipe(Path(stage.recipe))
    recipe = load_recipe(path, stage.overrides)
    if LABELS not in recipe.data.train:
        return recipe
    folders = [str(labels.resolve()) if folder == LABELS else folder for folder in recipe.data.train]
    return load_recipe(path, [*stage.overrides, f"data.train={folders}"])


def _run(stage: Stage, data: Path, out: Path, source: Path | None, labels: Path, devices: Devices) -> Path:
    recipe = stage_recipe(stage, labels)
    last = out / "last.ckpt"
    resume = last if last.exists() else None
    if resume and load_checkpoint(last)["epoch"] >= recipe.train.epochs:
        return last
    if recipe.quantize is None:
        return fit(recipe, data, out, resume=resume, start=source, devices=devices)
    assert source is not None
    return fit_quantized(recipe, data, out, source=source, resume=resume, devices=devices)
