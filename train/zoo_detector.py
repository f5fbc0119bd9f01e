"""How the face detector of the package is made: labels for the pictures that have none, then two trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sdfl.train.detector_recipe import DetectorRecipe, load_detector_recipe
from sdfl.train.recipe import find_recipe
from sdfl.train.tasks.detector import FURTHER_FACES, fit_detector
from sdfl.train.zoo import Workshop
from sdfl.train.zoo_labels import LABEL_LISTS

NAME = "detector"  # of the recipe, and of the model for `sdfl zoo train`

# The second stage shows turned, covered and rendered faces less often, and more pictures without a face: the first one
# finds them, but misses small faces and sees some where there are none.
SECOND = ("train.epochs=36", "optimizer.learning_rate=2e-3", "compose.empty=0.2")
SECOND_SHARES = {
    "labels/aflw2000.txt": 0.6,
    "labels/with_mask.txt": 0.6,
    "labels/without_mask.txt": 0.6,
    "synth/list_68pt.txt": 0.35,
}


def train_detector(workshop: Workshop) -> Path:
    """Label and train what is not done yet.

    Args:
        workshop: where; its landmark models are trained as far as the teacher needs them.

    Returns:
        The checkpoint of the float network.

    Raises:
        DataError: pictures or YuNet's file are missing, or a label is wrong.
    """
    first = _trained(workshop, "main", _recipe(workshop, {}, ()))
    return _trained(workshop, "second", _recipe(workshop, SECOND_SHARES, SECOND), first)


def _trained(workshop: Workshop, stage: str, recipe: DetectorRecipe, start: Path | None = None) -> Path:
    """The last checkpoint of a stage, trained if it is not there."""
    answers = workshop.out / NAME / FURTHER_FACES  # of YuNet on the same pictures, which takes minutes

    def fit(out: Path, resume: Path | None) -> Path:
        return fit_detector(
            recipe, workshop.data, out, resume=resume, start=start, cache=answers, devices=workshop.devices
        )

    return workshop.completed(f"{NAME}/{stage}", recipe, fit)


def _recipe(workshop: Workshop, shares: Mapping[str, float], overrides: Sequence[str]) -> DetectorRecipe:
    """The recipe with the files of the lists that teachers write, and with other shares."""
    path = find_recipe(Path(NAME))
    folders = [
        f"{{ path = '{workshop.labels(each.path).resolve() if each.path in LABEL_LISTS else each.path}', "
        f"share = {shares.get(each.path, each.share)}, every = {each.every}, last = {each.last} }}"
        for each in load_detector_recipe(path).data.folders
    ]
    return load_detector_recipe(path, [*overrides, f"data.folders=[{', '.join(folders)}]"])
