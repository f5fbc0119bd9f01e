"""Labels by a teacher, for pictures with old labels and for pictures with none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from knowing_teacher import KnowingTeacher

from sdfl.datasets import Sample, find_samples, load_list
from sdfl.errors import DataError
from sdfl.geometry import landmark_box
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.train.data.pseudo_labels import RoughFace, detected_faces, labelled_faces, write_pseudo_labels
from sdfl.types import Box


@pytest.fixture
def samples(face_root: Path) -> list[Sample]:
    return find_samples(face_root / "train")


def test_labels_are_the_mean_of_all_views_in_picture_pixels(
    monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path
) -> None:
    """Shifted, turned and mirrored views must all land on the same points of the picture."""
    teacher = KnowingTeacher(monkeypatch, samples, bias=2.0)
    count = write_pseudo_labels(labelled_faces(samples), [teacher], tmp_path / "list.txt")
    labelled = load_list(tmp_path / "list.txt")
    assert len(labelled) == count >= 0.8 * len(samples)
    old = {sample.image_path.resolve(): sample.points for sample in samples}
    for sample in labelled:
        np.testing.assert_allclose(sample.points, old[sample.image_path] + [2.0, 0.0], atol=0.05)


def test_a_detected_box_is_enough(monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path) -> None:
    """The box of a detector is a little off; the second pass looks at where the first one found the face."""
    faces = [RoughFace(sample.image_path, landmark_box(sample.points) + np.float32(3)) for sample in samples]
    count = write_pseudo_labels(faces, [KnowingTeacher(monkeypatch, samples)], tmp_path / "list.txt")
    assert count >= 0.8 * len(samples)
    old = {sample.image_path.resolve(): sample.points for sample in samples}
    for sample in load_list(tmp_path / "list.txt"):
        np.testing.assert_allclose(sample.points, old[sample.image_path], atol=0.05)


@pytest.mark.parametrize("labelled", [pytest.param(True, id="old labels"), pytest.param(False, id="detected boxes")])
def test_a_teacher_that_sees_another_face_labels_nothing(
    labelled: bool, monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path
) -> None:
    faces = labelled_faces(samples)
    if not labelled:
        faces = [RoughFace(face.image_path, face.box) for face in faces]
    teacher = KnowingTeacher(monkeypatch, samples, bias=60.0)
    with pytest.raises(DataError, match="teacher, which should label, agree with no label or box"):
        write_pseudo_labels(faces, [teacher], tmp_path / "list.txt")
    assert not (tmp_path / "list.txt").exists()


def test_two_teachers_label_together(monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path) -> None:
    teachers = [KnowingTeacher(monkeypatch, samples, bias) for bias in (-1.0, 3.0)]
    write_pseudo_labels(labelled_faces(samples), teachers, tmp_path / "list.txt")
    old = {sample.image_path.resolve(): sample.points for sample in samples}
    for sample in load_list(tmp_path / "list.txt"):
        np.testing.assert_allclose(sample.points, old[sample.image_path] + [1.0, 0.0], atol=0.05)


def test_teachers_of_two_layouts_are_refused(
    monkeypatch: pytest.MonkeyPatch, samples: list[Sample], tmp_path: Path
) -> None:
    first, second = (KnowingTeacher(monkeypatch, samples) for _ in range(2))
    second.spec = replace(second.spec, name="other", layout="wflw98", num_points=98)
    with pytest.raises(DataError, match="other: has layout wflw98, teacher ibug68; give teachers of one layout"):
        write_pseudo_labels(labelled_faces(samples), [first, second], tmp_path / "list.txt")


def test_a_detector_gives_the_best_face_of_a_picture(samples: list[Sample]) -> None:
    best, other = np.array([10, 20, 50, 60], np.float32), np.array([0, 0, 9, 9], np.float32)
    pictures = [sample.image_path for sample in samples[:3]]
    faces = detected_faces(pictures, FakeDetector([Box(best, 0.9), Box(other, 0.8)]))
    assert [face.image_path for face in faces] == pictures
    assert all(face.points is None and np.array_equal(face.box, best) for face in faces)
    with pytest.raises(DataError, match="finds a face in none of the pictures"):
        detected_faces(pictures, FakeDetector([]))
