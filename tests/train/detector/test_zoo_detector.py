"""How the detector of the package is made, in small."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from knowing_teacher import KnowingTeacher
from small_checkpoints import save_detector, save_landmarks

from sdfl.datasets import Sample, find_samples, load_list
from sdfl.errors import CheckpointError
from sdfl.geometry import landmark_box
from sdfl.model.checkpoint import read_checkpoint
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.train import zoo, zoo_detector, zoo_labels
from sdfl.train.detector_recipe import load_detector_recipe
from sdfl.train.devices import Devices
from sdfl.train.recipe import find_recipe
from sdfl.train.tasks.detector import fit_detector
from sdfl.train.zoo_labels import LabelList
from sdfl.types import Box, FloatArray

pytestmark = pytest.mark.slow

CPU = Devices(accelerator="cpu", devices="1")


def test_pictures_without_labels_are_labelled_and_nothing_is_done_twice(
    monkeypatch: pytest.MonkeyPatch, recipe_path: Path, face_root: Path, tmp_path: Path
) -> None:
    root, out = tmp_path / "data", tmp_path / "runs"
    shutil.copytree(face_root / "train", root / "train")
    samples = [replace(each, image_path=root / "plain" / each.image_path.name) for each in find_samples(root / "train")]
    (root / "plain").mkdir()
    for sample in samples:
        shutil.copy(root / "train" / sample.image_path.name, sample.image_path)
    (root / "yunet.onnx").write_bytes(b"")
    text = recipe_path.read_text().replace('teacher = ""', 'teacher = "yunet.onnx"')
    recipe_path.write_text(text.replace("folders = [", 'folders = [{ path = "labels/plain.txt" }, '))
    said: list[str] = []
    boxes = [Box(landmark_box(samples[0].points), 0.9)]  # the generated faces lie at about the same place
    monkeypatch.setattr(zoo_detector, "find_recipe", lambda _: recipe_path)
    lists = {"labels/plain.txt": LabelList("plain", ("medium/teacher",))}
    for module in (zoo, zoo_detector):
        monkeypatch.setattr(module, "LABEL_LISTS", lists)
    monkeypatch.setattr(zoo_labels, "YUNET", "yunet.onnx")
    monkeypatch.setattr(zoo_detector, "SECOND", ("train.epochs=2", "compose.empty=0.2"))
    monkeypatch.setattr(zoo_labels, "YuNetDetector", lambda _: FakeDetector(boxes))
    caches: set[Path] = set()

    def further_faces(those: list[Sample], teacher: Path, cache: Path, _: object) -> list[FloatArray]:
        caches.add(cache)
        return [boxes[0].xyxy[None]] * len(those)

    monkeypatch.setattr("sdfl.train.tasks.detector.further_faces", further_faces)
    monkeypatch.setattr(zoo.Workshop, "checkpoint", lambda _, reference: Path(reference))
    workshop = zoo.Workshop(root, out, lambda _: KnowingTeacher(monkeypatch, samples), CPU, said.append)
    made = zoo_detector.train_detector(workshop)
    assert read_checkpoint(made).is_detector
    assert 0 < len(load_list(out / "labels" / "plain.txt")) <= len(samples)
    written = made.stat().st_mtime_ns
    assert zoo_detector.train_detector(workshop) == made
    assert made.stat().st_mtime_ns == written
    assert caches == {out / "detector" / "further_faces.json"}, "both stages see the same pictures"
    assert said == ["labels of plain by medium/teacher", "detector/main", "detector/second"]


def test_a_training_begins_with_the_weights_of_another(recipe_path: Path, face_root: Path, tmp_path: Path) -> None:
    recipe = load_detector_recipe(recipe_path, ["train.epochs=1", "optimizer.warmup_epochs=0"])
    first = fit_detector(recipe, face_root, tmp_path / "first", devices=CPU)
    still = load_detector_recipe(
        recipe_path, ["train.epochs=1", "optimizer.warmup_epochs=0", "optimizer.learning_rate=1e-12"]
    )
    second = fit_detector(still, face_root, tmp_path / "second", start=first, devices=CPU)
    before, after = (dict(read_checkpoint(each).detector().named_parameters()) for each in (first, second))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("save", "message"),
    [
        pytest.param(save_detector, "does not fit the model in the recipe", id="another shape"),
        pytest.param(save_landmarks, "is no face detector", id="a landmark network"),
    ],
)
def test_a_start_that_does_not_fit_is_refused(
    save: Callable[[Path], Path], message: str, recipe_path: Path, face_root: Path, tmp_path: Path
) -> None:
    recipe = load_detector_recipe(recipe_path)
    with pytest.raises(CheckpointError, match=message):
        fit_detector(recipe, face_root, tmp_path / "run", start=save(tmp_path / "start.ckpt"), devices=CPU)


def test_the_recipe_names_the_lists_that_the_plan_writes() -> None:
    folders = {each.path for each in load_detector_recipe(find_recipe(Path("detector"))).data.folders}
    assert {each for each in folders if each.startswith("labels/")} <= set(zoo_labels.LABEL_LISTS)
    assert set(zoo_detector.SECOND_SHARES) <= folders
