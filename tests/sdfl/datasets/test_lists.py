"""Labels of many pictures in one file: plain lists and COCO json."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.datasets import load_coco, load_list
from sdfl.errors import DataError

rng = np.random.default_rng(0)


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(0, 255, (90, 120, 3), np.uint8))
    return path


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{image} {points}", id="path first"),
        pytest.param("{points} {image}", id="path last, as in the released code"),
        pytest.param("{points} {weights} {image}", id="with weights, as the released code also takes them"),
        pytest.param("{image},{commas}", id="commas"),
    ],
)
def test_lists_give_pictures_and_points(tmp_path: Path, line: str) -> None:
    points = rng.uniform(20, 80, size=(29, 2))
    image = picture(tmp_path / "faces" / "a.png")
    numbers = " ".join(f"{value:.6f}" for value in points.ravel())
    text = line.format(
        image="faces/a.png", points=numbers, commas=numbers.replace(" ", ","), weights=" ".join(["1.0"] * 58)
    )
    (tmp_path / "list.txt").write_text(f"# a comment\n{text}\n\n")
    (sample,) = load_list(tmp_path / "list.txt")
    assert (sample.image_path, sample.layout) == (image, "cofw29")
    assert np.allclose(sample.points, points, atol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a.png 1 2 3", r"list\.txt:1: must hold a picture's path and x y", id="an odd number"),
        pytest.param("a.png 1 2 3 4", r"list\.txt:1: has 2 points, expected 68 or 98 or 29", id="two points"),
        pytest.param("b.png " + "1 " * 58, r"list\.txt:1: names the picture .*b\.png", id="no picture"),
        pytest.param("a.png " + "inf " * 58, r"list\.txt:1: .* not a finite number", id="infinite"),
        pytest.param("", r"list\.txt: holds no labelled picture", id="empty"),
    ],
)
def test_broken_lists_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=message):
        load_list(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", r"a\.json: is not COCO json", id="cut off"),
        pytest.param("[]", r"a\.json: is not COCO json", id="another structure"),
        pytest.param('{"images": [], "annotations": []}', r"a\.json: holds no labelled", id="empty"),
        pytest.param(
            '{"images": [], "annotations": [{"image_id": 1, "keypoints": [1, 2, 3]}]}',
            r"a\.json: annotations\[0\] must have an image_id",
            id="an unknown picture",
        ),
    ],
)
def test_broken_json_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=message):
        load_coco(tmp_path / "a.json")


def test_a_path_with_blanks_comes_back(tmp_path: Path) -> None:
    image = picture(tmp_path / "My Data, 2024" / "a b 3.png")
    points = rng.uniform(20, 80, size=(68, 2))
    (tmp_path / "list.txt").write_text(f"{image} {' '.join(f'{value:.2f}' for value in points.ravel())}\n")
    (sample,) = load_list(tmp_path / "list.txt")
    assert sample.image_path == image
    assert np.allclose(sample.points, points, atol=0.006)
