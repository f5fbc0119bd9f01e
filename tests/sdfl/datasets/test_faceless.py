"""The fixed crops without a face, cut from pictures that stand for HELEN's."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import faces
import numpy as np
import pytest

from sdfl.datasets import faceless
from sdfl.datasets.faceless import FILE, PARTS, faceless_crops, faceless_split
from sdfl.errors import DataError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    faces.write_faces(tmp_path / "300w" / "helen" / "testset", 3)
    faces.write_faces(tmp_path / "300w" / "helen" / "trainset", 11)
    return tmp_path


def use_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *rows: tuple[str, int, int, int, int]) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(dict.fromkeys(PARTS, rows)))
    monkeypatch.setattr(faceless, "FILE", path)


def test_the_list_has_500_crops_of_each_part() -> None:
    rows = json.loads(FILE.read_text())
    assert {part: len(rows[part]) for part in PARTS} == {"validation": 500, "test": 500}


def test_crops_are_cut_where_the_list_says(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_rows(monkeypatch, data, ("face000.png", 1, 2, 31, 42), ("face000.png", 0, 0, 5, 5))
    crops = faceless_crops(data, "test")
    image = cv2.imread(str(data / "300w" / "helen" / "testset" / "face000.png"))
    assert image is not None
    assert [crop.shape[:2] for crop in crops] == [(40, 30), (5, 5)]
    assert np.array_equal(crops[0], image[2:42, 1:31])


def test_validation_is_every_fifth_picture_of_the_training_set(data: Path) -> None:
    assert [sample.image_path.stem for sample in faceless_split(data, "validation")] == [
        "face000",
        "face005",
        "face010",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(("gone.png", 0, 0, 5, 5), "has no picture gone.png", id="missing"),
        pytest.param(("face000.png", 0, 0, 9999, 5), "is smaller than the published picture", id="another size"),
    ],
)
def test_other_pictures_are_refused(
    data: Path, monkeypatch: pytest.MonkeyPatch, row: tuple[str, int, int, int, int], message: str
) -> None:
    use_rows(monkeypatch, data, row)
    with pytest.raises(DataError, match=message):
        faceless_crops(data, "test")
