"""Both libraries must compute what the operator's contract says, from the same file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ArtifactError, ConfigError, MissingDependency
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.types import Backend, Image

ON_ONNX = ("openvino", "onnxruntime")  # back ends that read the source file itself
toy_model = pytest.importorskip("toy_model", reason="the tiny test model is built with the package onnx")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "toy.onnx"
    toy_model.save_toy_model(path)
    return path


def random_crops(batch: int) -> Image:
    return np.random.default_rng(1).integers(0, 256, (batch, toy_model.SIZE, toy_model.SIZE, 3), dtype=np.uint8)


def open_exact(name: str, path: Path) -> Backend:
    """A back end that computes in fp32: OpenVINO takes bf16 by itself where the processor has it."""
    return OpenVinoBackend(path, precision="f32", threads=1) if name == "openvino" else open_backend(path, name=name)


@pytest.mark.parametrize("batch", [pytest.param(1, id="one face"), pytest.param(3, id="three faces")])
@pytest.mark.parametrize("name", ON_ONNX)
def test_agrees_with_numpy(toy: Path, name: str, batch: int) -> None:
    crops = random_crops(batch)
    backend = open_exact(name, toy)
    got, want = backend.infer(crops), toy_model.numpy_reference(crops, toy_model.make_weights())
    for part in ("points", "presence", "log_scale"):
        np.testing.assert_allclose(getattr(got, part), getattr(want, part), atol=1e-4, err_msg=part)
    backend.close()


@pytest.mark.parametrize("name", ON_ONNX)
def test_answers_do_not_depend_on_the_batch(toy: Path, name: str) -> None:
    crops = random_crops(3)
    backend = open_exact(name, toy)
    together = backend.infer(crops)
    alone = backend.infer(crops[1:2])  # for OpenVINO this is another compiled network
    np.testing.assert_allclose(alone.points[0], together.points[1], atol=1e-5)


@pytest.mark.parametrize("name", ON_ONNX)
def test_an_answer_stays_valid_after_the_next_one(toy: Path, name: str) -> None:
    backend = open_exact(name, toy)
    first = backend.infer(random_crops(1))
    kept = first.points.copy()
    backend.infer(255 - random_crops(1))
    np.testing.assert_array_equal(first.points, kept)


@pytest.mark.parametrize("name", ON_ONNX)
def test_the_spec_comes_from_the_file(toy: Path, name: str) -> None:
    assert open_backend(toy, name=name, threads=1).spec.name == "toy"


@pytest.mark.parametrize("name", ON_ONNX)
@pytest.mark.parametrize(
    "crops",
    [
        pytest.param(np.zeros((1, 32, 32, 3), np.uint8), id="wrong size"),
        pytest.param(np.zeros((64, 64, 3), np.uint8), id="no batch"),
        pytest.param(np.zeros((1, 64, 64, 3), np.float32), id="floats"),
    ],
)
def test_refuses_wrong_crops(toy: Path, name: str, crops: Image) -> None:
    with pytest.raises(ValueError, match="crops must"):
        open_backend(toy, name=name).infer(crops)


@pytest.mark.parametrize("name", ON_ONNX)
def test_a_cut_off_file_is_one_line(toy: Path, tmp_path: Path, name: str) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(toy.read_bytes()[:-40])
    with pytest.raises(ArtifactError, match=r"broken\.onnx.*") as caught:
        open_backend(broken, name=name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ON_ONNX)
def test_a_graph_that_the_library_refuses_is_one_line(toy: Path, tmp_path: Path, name: str) -> None:
    model = toy_model.onnx.load(toy)
    model.graph.node[0].op_type = "NoSuchOperator"
    path = toy_model.save_with_spec(model, tmp_path / "strange.onnx")
    with pytest.raises(ArtifactError, match=r"strange\.onnx: \w+.* cannot load it") as caught:
        open_backend(path, name=name)
    assert "\n" not in str(caught.value)


def test_unknown_names_list_the_choices(toy: Path) -> None:
    with pytest.raises(ConfigError, match="backend must be one of openvino, onnxruntime, tensorrt"):
        open_backend(toy, name="tensorflow")
    with pytest.raises(ConfigError, match="precision must be one of"):
        OpenVinoBackend(toy, precision="int3")
    with pytest.raises(ConfigError, match="threads must be a whole number of at least 1"):
        open_backend(toy, threads=0)


@pytest.mark.parametrize("name", ON_ONNX)
def test_a_missing_library_names_the_command(toy: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependency, match=f"pip install {name}"):
        open_backend(toy, name=name)


def test_fake_backend_answers_as_told(spec: ModelSpec) -> None:
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    fake = FakeBackend(spec, points)
    seen = fake.infer(np.zeros((2, 128, 128, 3), np.uint8))
    np.testing.assert_array_equal(seen.points[1], points)
    assert seen.presence.tolist() == [1.0, 1.0]
    assert fake.batches == [2]
