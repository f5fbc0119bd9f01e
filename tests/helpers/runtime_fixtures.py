"""A model that needs no file, and clips of the toy face."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from toy_face import box_of, scene, toy_network
from typer.testing import CliRunner, Result

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.cli import app
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.types import Backend


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return ModelSpec(name="toy", layout="ibug68", num_points=68, input_size=128, crop_scale=1.5)


@pytest.fixture
def backend(spec: ModelSpec) -> FakeBackend:
    return FakeBackend(spec, toy_network)


@pytest.fixture
def landmarker(backend: FakeBackend) -> Iterator[FaceLandmarker]:
    """Sees the toy face; its detector always points at (160, 120)."""
    with FaceLandmarker(backend=backend, detector=FakeDetector([box_of(160, 120, 40)])) as opened:
        yield opened


@pytest.fixture(params=["openvino", "onnxruntime", "tensorrt", "fake"])
def any_backend(request: pytest.FixtureRequest, spec: ModelSpec) -> Backend:
    """Every back end, of the toy model."""
    if request.param == "fake":
        return FakeBackend(spec, toy_network)
    pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")
    if request.param == "tensorrt":
        return open_backend(request.getfixturevalue("engine"))
    return open_backend(request.getfixturevalue("toy"), name=request.param, threads=1)


@pytest.fixture
def run_sdfl(spec: ModelSpec) -> Callable[..., Result]:
    """run_sdfl(*arguments): the command line with a toy network; its detector always points at (150, 120)."""

    def new_landmarker(_: object = None, *, max_faces: int | None, smoothing: bool, **__: object) -> FaceLandmarker:
        backend, detector = FakeBackend(spec, toy_network), FakeDetector([box_of(150, 120, 40)])
        return FaceLandmarker(backend=backend, detector=detector, max_faces=max_faces, smoothing=smoothing)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], obj=new_landmarker)

    return run


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    """write_video(name, num_frames): a 320 x 240 clip of 30 frames a second in which the toy face moves right."""

    def write(name: str = "clip.mp4", num_frames: int = 30) -> Path:
        path = tmp_path / name
        codec = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(path), codec, 30, (320, 240))
        for index in range(num_frames):
            writer.write(scene((150 + index, 120, 40)))
        writer.release()
        return path

    return write
