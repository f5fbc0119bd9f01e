"""What `data.train` of a recipe may name beside folders."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.errors import DataError
from sdfl.train.data.landmark_dataset import split_samples
from sdfl.train.recipe import DataConfig

POINTS = np.arange(136, dtype=np.float32).reshape(68, 2) + 0.25
ROW = ",".join(map(str, POINTS.ravel().tolist()))
COCO = json.dumps(
    {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [{"image_id": 1, "keypoints": [value for x, y in POINTS.tolist() for value in (x, y, 2)]}],
    }
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.txt", f"a.png {ROW.replace(',', ' ')}\n", id="list"),
        pytest.param("a.csv", f"a.png,{ROW}\n", id="CSV"),
        pytest.param("a.CSV", f"a.png,{ROW}\n", id="CSV in capitals"),
        pytest.param("a.json", COCO, id="COCO"),
    ],
)
def test_files_of_labels_are_training_data(tmp_path: Path, name: str, text: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((150, 150, 3), np.uint8))
    (tmp_path / name).write_text(text)
    (sample,), held_out = split_samples(DataConfig(train=(name,)), tmp_path, "ibug68")
    assert (sample.image_path, sample.points.tolist(), held_out) == (tmp_path / "a.png", POINTS.tolist(), [])
    with pytest.raises(DataError, match=rf"{name}: has layout ibug68, the recipe wflw98"):
        split_samples(DataConfig(train=(name,)), tmp_path, "wflw98")
