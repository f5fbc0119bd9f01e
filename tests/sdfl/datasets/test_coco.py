"""Labels in COCO's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sdfl.datasets import load_coco
from sdfl.datasets.check import check
from sdfl.errors import DataError

POINTS = [[float(i), i + 0.5] for i in range(68)]


def write(folder: Path, *flags: float, name: Any = "a.png", points: list[list[float]] = POINTS) -> Path:
    """A file with one annotation for each flag, which is the v of its last point; the others are visible."""
    cv2.imwrite(str(folder / "a.png"), np.zeros((90, 120, 3), np.uint8))
    rows = [[[*point, 2] for point in points[:-1]] + [[*points[-1], flag]] for flag in flags]
    annotations = [{"image_id": 1, "keypoints": [value for point in each for value in point]} for each in rows]
    path = folder / "a.json"
    path.write_text(json.dumps({"images": [{"id": 1, "file_name": name}], "annotations": annotations}))
    return path


def test_points_and_visibility_are_read(tmp_path: Path) -> None:
    first, second = load_coco(write(tmp_path, 2, 1))
    assert first.points.tolist() == second.points.tolist() == POINTS
    assert first.visible is not None
    assert second.visible is not None
    assert (first.visible.sum(), second.visible.sum(), second.visible[-1]) == (68, 67, False)


def test_annotations_with_unlabelled_points_are_left_out_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, 2, 0, 1, 0, points=[*POINTS[:-1], [0.0, 0.0]])
    notes: list[str] = []
    assert len(load_coco(path, say=notes.append)) == 2
    wanted = f"{path}: 2 of 4 annotations left out, for they have unlabelled points (v = 0)"
    assert notes == [wanted]
    assert len(load_coco(path)) == 2
    assert capsys.readouterr().err == wanted + "\n"
    (part,) = check(tmp_path).parts
    assert (part.found, part.note, part.complete) == (2, wanted, True)


def test_a_face_without_points_is_left_out(tmp_path: Path) -> None:
    content = json.loads((path := write(tmp_path, 2)).read_text())
    content["annotations"].append({"image_id": 1, "keypoints": [], "bbox": [1, 2, 3, 4]})
    path.write_text(json.dumps(content))
    notes: list[str] = []
    assert len(load_coco(path, say=notes.append)) == len(notes) == 1


def test_two_pictures_with_one_id_are_refused(tmp_path: Path) -> None:
    content = json.loads((path := write(tmp_path, 2)).read_text())
    content["images"].append({"id": 1, "file_name": "b.png"})
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"a\.json: two of its images have the id 1; give each its own"):
        load_coco(path)


def test_windows_separators_in_file_names_are_read(tmp_path: Path) -> None:
    (sample,) = load_coco(write(tmp_path, 2, name=".\\a.png"))
    assert sample.image_path == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"flag": 0}, r"a\.json: every annotation has points that are not labelled", id="all unlabelled"),
        pytest.param({"flag": 0.93}, r"annotations\[0\] has a v other than 0, 1 and 2", id="scores of a network"),
        pytest.param({"points": POINTS[:67]}, r"annotations\[0\]: has 67 points, expected 68", id="67 points"),
        pytest.param({"points": [[float("nan"), 1.0], *POINTS[1:]]}, r"finite number \(point 1\)", id="NaN"),
        pytest.param({"name": 3}, r"annotations\[0\] names a picture whose file_name is no text", id="number as name"),
        pytest.param({"name": "b.png"}, r"annotations\[0\]: names the picture .*b\.png", id="no picture"),
    ],
)
def test_wrong_annotations_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = write(tmp_path, changes.pop("flag", 2), **changes)
    with pytest.raises(DataError, match=message) as caught:
        load_coco(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", r"a\.json:1: is not valid JSON", id="cut off"),
        pytest.param("[]", r"a\.json: is not COCO JSON", id="another structure"),
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
