"""How the models in the package are made: trainings one after the other, each from where the one before ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sdfl.errors import ConfigError
from sdfl.train.detector_recipe import DetectorRecipe
from sdfl.train.devices import Devices
from sdfl.train.loop import LAST, is_complete
from sdfl.train.recipe import Recipe, find_recipe, load_recipe
from sdfl.train.tasks.landmarks import fit_landmarks
from sdfl.train.tasks.quantization import fit_quantized
from sdfl.train.zoo_labels import LABEL_LISTS
from sdfl.types import Backend

LABELLED = "data.train=['afw','helen/trainset']"  # and no list of labels that networks wrote
YOUTUBE = "data.train=['afw','helen/trainset','labels/ytf.txt']"


@dataclass(frozen=True)
class Stage:
    """One training.

    Attributes:
        name: of its folder.
        recipe: name or path.
        overrides: `section.key=value` each.
        start: a stage of any plan, as "<model>/<stage>", whose weights it begins with; "" for none.
    """

    name: str
    recipe: str
    overrides: tuple[str, ...] = ()
    start: str = ""


def _continued(epochs: int, learning_rate: float) -> tuple[str, ...]:
    """A stage that goes on from trained weights: a lower rate, little to warm up."""
    return (f"train.epochs={epochs}", f"optimizer.learning_rate={learning_rate}", "optimizer.warmup_epochs=1")


# Crops that are shifted by a tenth or rolled by 30 degrees become more accurate, centred ones less so
# (docs/results/models.md).
WIDE = ("augment.translation_px=20", "augment.rescale=0.15", "augment.rotation_deg=30")
# A quarter of the pixels at half the stride: maps of the same size, three times as fast.
LOW = ("model.input_size=128", "model.output_stride=16")
EVERY = "data.holdout.every=0"  # the held-out pictures are trained on, too


def _with_second_labels(layout: str) -> str:
    """Photographs with labels by the network after its main stage, beside rendered faces."""
    return f"data.train=['synth/list_{layout}.txt','labels2/free_photos_{layout}.txt']"


# The last stage but one of a model gives its float file, the last one the int8 file.
PLANS: Mapping[str, tuple[Stage, ...]] = {
    "small": (
        Stage("main", "small"),
        Stage("refit", "small", (EVERY, *_continued(5, 3e-4)), "small/main"),
        Stage("int8", "qat", (), "small/refit"),
    ),
    "nano": (
        Stage("main", "nano", (), "small/main"),
        Stage("refit", "nano", (EVERY, *_continued(5, 3e-4)), "nano/main"),
        Stage("int8", "qat", (), "nano/refit"),
    ),
    "medium": (
        Stage("low", "mobilenet_v2_128", (EVERY,)),
        Stage("first", "medium", (EVERY, YOUTUBE, *WIDE, *_continued(6, 5e-4)), "medium/low"),
        Stage("teacher", "medium", (EVERY, LABELLED, *WIDE, *_continued(50, 3e-4)), "medium/first"),
        Stage("main_low", "medium", (EVERY, *LOW, *_continued(24, 1e-3)), "medium/teacher"),
        Stage("main", "medium", (EVERY, *_continued(12, 5e-4)), "medium/main_low"),
        Stage("int8", "qat", (), "medium/main"),
    ),
    "large": (
        Stage("low", "large", (EVERY, LABELLED, *LOW, *WIDE)),
        Stage("teacher", "large", (EVERY, LABELLED, *_continued(42, 3e-4)), "large/low"),
        Stage("main", "large", (EVERY, *_continued(12, 7e-4)), "large/teacher"),
        Stage("int8", "qat", (), "large/main"),
    ),
    # Rendered faces first, then photographs in the public domain with labels by the network itself beside them.
    "free": (
        Stage("rendered", "free", ("data.train=['synth/list_68pt.txt']",)),
        Stage("main", "free", _continued(15, 5e-4), "free/rendered"),
        Stage("second", "free", (_with_second_labels("68pt"), *_continued(60, 7e-4), "data.no_face=0.25"), "free/main"),
        Stage("int8", "qat", ("data.train=['synth/list_68pt.txt']",), "free/second"),
    ),
    "wflw98": (
        Stage("rendered", "wflw98", ("data.train=['synth/list_98pt.txt']",), "free/rendered"),
        Stage("main", "wflw98", _continued(8, 5e-4), "wflw98/rendered"),
        Stage(
            "second", "wflw98", (_with_second_labels("98pt"), *_continued(14, 6e-4), "data.no_face=0.3"), "wflw98/main"
        ),
        Stage("int8", "qat", ("data.train=['synth/list_98pt.txt']",), "wflw98/second"),
    ),
}


@dataclass(frozen=True)
class Workshop:
    """Where the models of the package are trained. What is finished is not done again.

    Attributes:
        data: the root of the pictures.
        out: holds a folder for each model, and in it one for each stage.
        open_teacher: opens a checkpoint to label pictures.
        devices: where to train.
        say: told what is done, a line for each stage.
    """

    data: Path
    out: Path
    open_teacher: Callable[[Path], Backend]
    devices: Devices = Devices()  # noqa: RUF009  frozen
    say: Callable[[str], None] = print

    def train(self, name: str) -> tuple[Path, Path]:
        """Run or resume every stage of a model, and those of others that it needs.

        Args:
            name: of the model.

        Returns:
            The float and the int8 checkpoint.

        Raises:
            ConfigError: there is no plan for it.
        """
        if name not in PLANS:
            raise ConfigError(f"{name}: has no training plan; choose {', '.join(PLANS)}")
        *_, whole, int8 = (self.checkpoint(f"{name}/{stage.name}") for stage in PLANS[name])
        return whole, int8

    def checkpoint(self, reference: str) -> Path:
        """Train a stage if it is not done, and those before it.

        Args:
            reference: "<model>/<stage>" of `PLANS`.

        Returns:
            The last checkpoint of the stage.
        """
        model, _, name = reference.partition("/")
        stage = next(stage for stage in PLANS[model] if stage.name == name)
        source = self.checkpoint(stage.start) if stage.start else None
        recipe = stage_recipe(stage, self.labels)

        def fit(out: Path, resume: Path | None) -> Path:
            if recipe.quantize is None:
                return fit_landmarks(recipe, self.data, out, resume=resume, start=source, devices=self.devices)
            assert source is not None
            return fit_quantized(recipe, self.data, out, source=source, resume=resume, devices=self.devices)

        return self.completed(reference, recipe, fit)

    def completed(
        self, reference: str, recipe: Recipe | DetectorRecipe, fit: Callable[[Path, Path | None], Path]
    ) -> Path:
        """Begin or resume one training, unless it is done.

        Args:
            reference: "<model>/<stage>", its folder below `out`.
            recipe: of the training.
            fit: trains; takes the folder and the checkpoint to resume from, gives the last checkpoint.

        Returns:
            The last checkpoint.
        """
        out = self.out / reference
        last = out / LAST
        resume = last if last.exists() else None
        if resume and is_complete(last, recipe):
            return last
        self.say(reference)
        return fit(out, resume)

    def labels(self, name: str) -> Path:
        """A list of labels, written if it is not there.

        Args:
            name: a key of `LABEL_LISTS`.

        Returns:
            Its file.

        Raises:
            DataError: pictures are missing, or no label can be trusted.
        """
        entry = LABEL_LISTS[name]
        path = self.out / name
        if not path.exists():
            teachers = [self.checkpoint(teacher) for teacher in entry.teachers]
            self.say(f"labels of {entry.folder} by {' and '.join(entry.teachers)}")
            path.parent.mkdir(parents=True, exist_ok=True)
            entry.write(self.data, [self.open_teacher(teacher) for teacher in teachers], path)
        return path


def stage_recipe(stage: Stage, labels: Callable[[str], Path]) -> Recipe:
    """The whole recipe of a stage.

    Args:
        stage: of a plan.
        labels: gives the file of a list of `LABEL_LISTS`.
    """
    path = find_recipe(Path(stage.recipe))
    recipe = load_recipe(path, stage.overrides)
    written = {name: str(labels(name).resolve()) for name in recipe.data.train if name in LABEL_LISTS}
    if not written:
        return recipe
    folders = [written.get(folder, folder) for folder in recipe.data.train]
    shares = {written.get(folder, folder): share for folder, share in recipe.data.shares.items()}
    return replace(recipe, data=replace(recipe.data, train=tuple(folders), shares=shares))
