"""How the face detector of the package is made: labels for the pictures that have none, then two trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sdfl.datasets import find_pictures
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.train.data.landmark_dataset import locate
from sdfl.train.data.pseudo_labels import detected_faces, write_pseudo_labels
from sdfl.train.detector_recipe import DetectorRecipe, load_detector_recipe
from sdfl.train.recipe import find_recipe
from sdfl.train.tasks.detector import FURTHER_FACES, fit_detector
from sdfl.train.zoo import Workshop

NAME = "detector"  # of the recipe, and of the model for `sdfl zoo train`
TEACHER = "medium/refit"  # whose network labels the pictures in which YuNet finds a face
UNLABELLED = {  # what the recipe calls a list -> the folder below --data whose pictures it labels
    "labels/aflw2000.txt": "aflw2000/unlabelled",
    "labels/with_mask.txt": "masks/with_mask",
    "labels/without_mask.txt": "masks/without_mask",
}


# The second stage shows turned, covered and rendered faces less often, and more pictures without a face: the first one
# finds them, but misses small faces and sees some where there are none.
SECOND = ("train.epochs=36", "optimizer.learning_rate=2e-3", "compose.empty=0.2")
SECOND_SHARES = {**dict.fromkeys(UNLABELLED, 0.6), "synth/list_68pt.txt": 0.35}


def train_detector(workshop: Workshop) -> Path:
    """Label and train what is not done yet.

    Args:
        workshop: where; its landmark models are trained as far as the teacher needs them.

    Returns:
        The checkpoint of the float network.

    Raises:
        DataError: pictures or YuNet's file are missing, or a label is wrong.
    """
    lists = _lists(workshop)
    first = _trained(workshop, "main", _recipe(lists, {}, ()))
    return _trained(workshop, "second", _recipe(lists, SECOND_SHARES, SECOND), first)


def _trained(workshop: Workshop, stage: str, recipe: DetectorRecipe, start: Path | None = None) -> Path:
    """The last checkpoint of a stage, trained if it is not there."""
    answers = workshop.out / NAME / FURTHER_FACES  # of YuNet on the same pictures, which takes minutes

    def fit(out: Path, resume: Path | None) -> Path:
        return fit_detector(
            recipe, workshop.data, out, resume=resume, start=start, cache=answers, devices=workshop.devices
        )

    return workshop.completed(f"{NAME}/{stage}", recipe, fit)


def _recipe(lists: Mapping[str, Path], shares: Mapping[str, float], overrides: Sequence[str]) -> DetectorRecipe:
    """The recipe with the lists that the teacher writes, and with other shares."""
    path = find_recipe(Path(NAME))
    folders = [
        f"{{ path = '{lists[each.path].resolve() if each.path in lists else each.path}', "
        f"share = {shares.get(each.path, each.share)}, every = {each.every}, last = {each.last} }}"
        for each in load_detector_recipe(path).data.folders
    ]
    return load_detector_recipe(path, [*overrides, f"data.folders=[{', '.join(folders)}]"])


def _lists(workshop: Workshop) -> dict[str, Path]:
    """The lists that the teacher writes, written if they are not there, by their names in the recipe."""
    yunet = locate(workshop.data, load_detector_recipe(find_recipe(Path(NAME))).data.teacher)
    lists = {name: workshop.out / NAME / Path(name).name for name in UNLABELLED}
    for name, folder in UNLABELLED.items():
        if lists[name].exists():
            continue
        workshop.say(f"labels of {folder} by {TEACHER}")
        teacher = workshop.open_teacher(workshop.checkpoint(TEACHER))
        faces = detected_faces(find_pictures(locate(workshop.data, folder)), YuNetDetector(yunet))
        write_pseudo_labels(faces, [teacher], lists[name])
    return lists
