"""The model in the package is what its metadata and the README say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdfl.datasets import find_samples, read_image
from sdfl.evaluation import evaluate
from sdfl.geometry import crop_affine, cut_crop, landmark_box, square_around
from sdfl.onnx_file import read_spec
from sdfl.runtime import FaceLandmarker
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.ort import OnnxRuntimeBackend
from sdfl.runtime.sources.sample import SampleSource, sample_affine
from sdfl.runtime.zoo import resolve_model


def test_it_says_where_it_comes_from() -> None:
    spec = read_spec(resolve_model())
    assert (spec.name, spec.layout, spec.num_points) == ("sdfl68", "ibug68", 68)
    assert "HELEN train" in spec.training_data
    assert "research" in spec.licence
    assert spec.git_commit
    assert spec.nme_percent is not None
    assert "HELEN test" in spec.nme_protocol


@pytest.mark.data
def test_its_accuracy_on_helen_test_is_the_one_it_states(data_dir: Path) -> None:
    backend = OnnxRuntimeBackend(resolve_model())
    summary = evaluate(backend, find_samples(data_dir / "300w" / "helen" / "testset")).summary()
    assert summary["num_images"] == 330
    assert summary["nme_percent"] <= 3.9
    assert summary["nme_percent"] == pytest.approx(backend.spec.nme_percent, abs=0.005)


@pytest.mark.data
@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_int8_loses_no_landmarks(data_dir: Path, backend: str) -> None:
    """The int8 file, as OpenVINO and ONNX Runtime run it, beside fp32 on the same pictures."""
    samples = find_samples(data_dir / "300w" / "helen" / "testset")
    fp32 = read_spec(resolve_model()).nme_percent
    with_int8 = open_backend(resolve_model("sdfl68_int8"), name=backend)
    assert with_int8.spec.precision == "int8"
    summary = evaluate(with_int8, samples).summary()
    assert summary["nme_percent"] <= fp32 + 0.05
    assert summary["failure_rate_8_percent"] <= (1 + 2) / 330 * 100


@pytest.mark.data
def test_presence_tells_faces_from_what_a_lost_track_looks_at(data_dir: Path) -> None:
    """Crops beside the face, half a crop and more away, are what a tracker sees after it lost a face."""
    backend = OnnxRuntimeBackend(resolve_model())
    size = backend.spec.input_size
    on_face, beside = [], []
    for sample in find_samples(data_dir / "300w" / "helen" / "testset")[:100]:
        image = read_image(sample.image_path)
        centre, side_px = square_around(landmark_box(sample.points), 1.25)
        on_face.append(cut_crop(image, crop_affine(centre, side_px, size), size).image)
        away = centre + np.float32([0.95 * side_px, 0])
        beside.append(cut_crop(image, crop_affine(away, side_px, size), size).image)
    assert np.mean(backend.infer(np.stack(on_face)).presence >= 0.5) >= 0.99
    assert np.mean(backend.infer(np.stack(beside)).presence < 0.5) >= 0.95


def test_it_follows_the_sample_without_losing_it() -> None:
    """The sample's motion is known: points moved back to the still picture must stay where they are."""
    stills, ids = [], set()
    with FaceLandmarker() as landmarker:
        for frame, faces in landmarker.track(SampleSource()):
            assert len(faces) == 1, f"frame {frame.index}"
            ids.add(faces[0].id)
            linear = sample_affine(frame.index)
            stills.append((faces[0].landmarks.points - linear[:, 2]) @ np.linalg.inv(linear[:, :2]).T)
    points = np.stack(stills)
    eye_distance = np.linalg.norm(points[0, 36] - points[0, 45])
    off = np.linalg.norm(points - points.mean(axis=0), axis=-1) / eye_distance
    assert len(ids) == 1
    assert off.mean() < 0.02  # of the inter-ocular distance, under zoom, roll and pan, unsmoothed
