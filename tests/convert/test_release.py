"""A release exports, compares with torch, and writes the measured accuracy into the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.convert import release as release_module
from sdfl.convert.compare.runtimes import Difference
from sdfl.convert.release import release
from sdfl.datasets import find_samples
from sdfl.errors import ArtifactError

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("checkpoint", ["pair"], indirect=True)]


def test_the_file_states_its_accuracy(checkpoint: Path, face_root: Path, tmp_path: Path) -> None:
    faces = face_root / "train"
    out = release(checkpoint, tmp_path / "m.onnx", faces=faces, test=find_samples(faces), test_name="these faces")
    spec = read_spec(out)
    assert spec.nme_percent is not None
    assert spec.nme_percent > 0
    assert spec.nme_protocol == "these faces, inter-ocular, crops from the true points, ONNX Runtime"


def test_a_file_that_computes_something_else_is_refused(
    checkpoint: Path, face_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Difference("OpenVINO f32", points_px=3.0, presence=0.0, log_scale=0.0)
    monkeypatch.setattr(release_module, "verify", lambda *_, **__: [far])
    with pytest.raises(ArtifactError, match=r"OpenVINO f32 differs by 3\.000 px from torch"):
        release(checkpoint, tmp_path / "m.onnx", faces=face_root / "train")
