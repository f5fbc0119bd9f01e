"""How the detector of the package is made, in small."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from knowing_teacher import KnowingTeacher

from sdfl.datasets import find_samples, load_list
from sdfl.geometry import landmark_box
from sdfl.model.checkpoint import read_checkpoint
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.train import zoo, zoo_detector
from sdfl.train.detector_recipe import load_detector_recipe
from sdfl.train.devices import Devices
from sdfl.train.recipe import find_recipe
from sdfl.types import Box

pytestmark = pytest.mark.slow


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
    monkeypatch.setattr(zoo_detector, "UNLABELLED", {"labels/plain.txt": "plain"})
    monkeypatch.setattr(zoo_detector, "YuNetDetector", lambda _: FakeDetector(boxes))
    monkeypatch.setattr("sdfl.train.tasks.detector.further_faces", lambda those, *_: [boxes[0].xyxy[None]] * len(those))
    monkeypatch.setattr(zoo.Workshop, "checkpoint", lambda _, reference: Path(reference))
    workshop = zoo.Workshop(
        root, out, lambda _: KnowingTeacher(monkeypatch, samples), Devices(accelerator="cpu", devices="1"), said.append
    )
    made = zoo_detector.train_detector(workshop)
    assert read_checkpoint(made).is_detector
    assert 0 < len(load_list(out / "detector" / "plain.txt")) <= len(samples)
    written = made.stat().st_mtime_ns
    assert zoo_detector.train_detector(workshop) == made
    assert made.stat().st_mtime_ns == written
    assert said == ["labels of plain by medium/refit", "detector/main"]


def test_the_recipe_names_the_lists_that_the_plan_writes() -> None:
    folders = {each.path for each in load_detector_recipe(find_recipe(Path("detector"))).data.folders}
    assert set(zoo_detector.UNLABELLED) <= folders
    assert zoo_detector.TEACHER.split("/")[0] in zoo.PLANS
