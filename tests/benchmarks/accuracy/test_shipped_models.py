"""Which deviations of measured files from what they state are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdfl.benchmarks.accuracy.shipped_models import (
    INT8_ALLOWED,
    NME_TOLERANCE,
    Measurement,
    deviations,
    measure_files,
)
from sdfl.datasets import find_samples
from sdfl.runtime.zoo import families


def measured(
    nme: float,
    *,
    precision: str = "fp32",
    backend: str = "onnxruntime",
    stated: float | None = 4.0,
    crops: str = "true",
) -> Measurement:
    return Measurement("small", precision, backend, stated, {"nme_percent": nme, "crops": crops})


@pytest.mark.parametrize(
    ("measurements", "expected"),
    [
        pytest.param([measured(4.0), measured(4.5, backend="openvino")], [], id="as stated; OpenVINO states nothing"),
        pytest.param([measured(4.0 + NME_TOLERANCE / 2)], [], id="another processor"),
        pytest.param([measured(4.1)], ["small fp32 on onnxruntime has 4.1 %, its metadata say 4.0"], id="other file"),
        pytest.param(
            [measured(4.0, stated=None)], ["small fp32 on onnxruntime has 4.0 %, its metadata say None"], id="silent"
        ),
        pytest.param(
            [measured(4.0), measured(4.04, precision="int8", stated=4.04)], [], id="int8 costs what it may cost"
        ),
        pytest.param(
            [measured(4.0), measured(4.2, precision="int8", stated=4.2)],
            [f"small int8 on onnxruntime has 4.2 %, more than {INT8_ALLOWED} above fp32's 4.0"],
            id="int8 costs too much",
        ),
        pytest.param([measured(4.0), measured(9.0, crops="detected")], [], id="detected crops state nothing"),
    ],
)
def test_deviations(measurements: list[Measurement], expected: list[str]) -> None:
    assert deviations(measurements) == expected


def test_models_with_other_points_than_the_pictures_are_left_out(face_root: Path) -> None:
    ninety_eight = np.zeros((98, 2), np.float32)
    samples = [replace(each, points=ninety_eight, layout="wflw98") for each in find_samples(face_root / "train")]
    assert list(measure_files({"nano": families()["nano"]}, samples)) == []


def test_a_measurement_is_one_flat_table() -> None:
    assert measured(4.0).to_dict() == {
        "name": "small", "precision": "fp32", "backend": "onnxruntime", "stated_percent": 4.0,
        "nme_percent": 4.0, "crops": "true",
    }  # fmt: skip
