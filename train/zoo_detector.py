"""How the face detector of the package is made: labels for the pictures that have none, then one training."""

from __future__ import annotations

from pathlib import Path

from sdfl.datasets import find_pictures
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.train.data.landmark_dataset import locate
from sdfl.train.data.pseudo_labels import detected_faces, write_pseudo_labels
from sdfl.train.detector_recipe import DetectorRecipe, load_detector_recipe
from sdfl.train.loop import LAST, is_complete
from sdfl.train.recipe import find_recipe
from sdfl.train.tasks.detector import fit_detector
from sdfl.train.zoo import Workshop

NAME = "detector"  # of the recipe, and of the model for `sdfl zoo train`
TEACHER = "medium/refit"  # whose network labels the pictures in which YuNet finds a face
UNLABELLED = {  # what the recipe calls a list -> the folder below --data whose pictures it labels
    "labels/aflw2000.txt": "aflw2000/unlabelled",
    "labels/with_mask.txt": "masks/with_mask",
    "labels/without_mask.txt": "masks/without_mask",
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
    out = workshop.out / NAME / "main"
    recipe = _recipe(workshop)
    last = out / LAST
    resume = last if last.exists() else None
    if resume and is_complete(last, recipe):
        return last
    workshop.say(f"{NAME}/main")
    return fit_detector(recipe, workshop.data, out, resume=resume, devices=workshop.devices)


def _recipe(workshop: Workshop) -> DetectorRecipe:
    """The recipe with the lists that the teacher writes, written if they are not there."""
    path = find_recipe(Path(NAME))
    recipe = load_detector_recipe(path)
    yunet = locate(workshop.data, recipe.data.teacher)
    lists = {name: workshop.out / NAME / Path(name).name for name in UNLABELLED}
    for name, folder in UNLABELLED.items():
        if lists[name].exists():
            continue
        workshop.say(f"labels of {folder} by {TEACHER}")
        teacher = workshop.open_teacher(workshop.checkpoint(TEACHER))
        faces = detected_faces(find_pictures(locate(workshop.data, folder)), YuNetDetector(yunet))
        write_pseudo_labels(faces, [teacher], lists[name])
    folders = [
        f"{{ path = '{lists[each.path].resolve() if each.path in lists else each.path}', share = {each.share}, "
        f"every = {each.every}, last = {each.last} }}"
        for each in recipe.data.folders
    ]
    return load_detector_recipe(path, [f"data.folders=[{', '.join(folders)}]"])
