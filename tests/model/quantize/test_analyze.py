"""`sdfl quantize`: what it prints and writes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.cli.quantize import _print, quantize
from sdfl.convert.post_training_quantization import calibration_crops
from sdfl.convert.sensitivity import Sensitivity
from sdfl.errors import ConfigError, DataError
from sdfl.model.checkpoint import read_checkpoint


def test_the_table_says_what_each_layer_costs(
    checkpoint: Path, face_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ["head.map_to_node", "head.blocks", "backbone.blocks"]
    quantize(checkpoint, face_root, images=2, analyze=True, as_json=True, float_layers=rest)
    printed = json.loads(capsys.readouterr().out)
    assert printed["checkpoint"] is None
    rows = printed["layers"]
    assert rows[-1]["layer"] == "all"
    assert rows[-1]["mean_percent"] > 0
    named = {(row["layer"], row["rounded"]) for row in rows}
    assert {("backbone.stem.0", "weight"), ("backbone.x_int8", "activation")} <= named
    means = [row["mean_percent"] for row in rows[:-2]]
    assert means == sorted(means, reverse=True)
    kept = {row["layer"] for row in rows if row["kept_float"]}
    assert {"head.presence", "head.last.weight", "head.edge_weights.hidden", "head.edge_weights.edges"} <= kept
    assert max(row["presence"] for row in rows if row["layer"] == "head.presence") > 0
    assert rows[-2]["layer"] == "all but kept"
    _print([Sensitivity(**row) for row in rows], as_json=False)
    table = capsys.readouterr().out
    assert "backbone.stem.0 " in table
    assert table.count("kept in float") == len([row for row in rows if row["kept_float"]])


@pytest.mark.data
def test_real_pictures_without_labels(data_dir: Path, tmp_path: Path) -> None:
    for index, path in enumerate(sorted((data_dir / "300w" / "afw").glob("*.jpg"))[:6]):
        (tmp_path / f"{index}.jpg").write_bytes(path.read_bytes())
    assert calibration_crops(tmp_path, 64, 3).shape == (3, 64, 64, 3)


def test_pictures_without_faces(face_root: Path, tmp_path: Path) -> None:
    face = cv2.imread(str(face_root / "train" / "face000.png"))
    assert face is not None
    for index in range(3):
        cv2.imwrite(str(tmp_path / f"{index}.png"), np.zeros_like(face))
    with pytest.raises(DataError, match="faces were found in 0 pictures only, --images asks for 2"):
        calibration_crops(tmp_path, 64, 2)


def test_it_writes_an_int8_checkpoint(checkpoint: Path, face_root: Path, tmp_path: Path) -> None:
    quantize(checkpoint, face_root, tmp_path / "int8.ckpt", images=4, float_layers=["head"])
    assert read_checkpoint(tmp_path / "int8.ckpt").quantization == {"method": "ptq", "float_layers": ["head"]}


def test_out_must_be_a_checkpoint(checkpoint: Path, face_root: Path) -> None:
    with pytest.raises(ConfigError, match=r"--out must name the \.ckpt file"):
        quantize(checkpoint, face_root, Path("int8.onnx"))
