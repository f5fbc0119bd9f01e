"""Which file and library run a model, and what happens where one of them is missing or wrong."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from wrong_file import state_other_points

from sdfl import FaceLandmarker
from sdfl.cli import app
from sdfl.errors import ConfigError, MissingDependency, UnusableHereError
from sdfl.runtime import zoo
from sdfl.runtime.backends import open_backend
from sdfl.runtime.sources.sample import SampleSource
from sdfl.runtime.zoo.opening import PREFERENCES, open_model, processor_family, ways_to_run

SHIPPED = zoo.zoo_models()


@pytest.fixture
def picture() -> np.ndarray:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    return next(iter(SampleSource())).image


@pytest.mark.parametrize(
    ("family", "backend", "precision", "ways"),
    [
        pytest.param("x86-64", None, None, ["small_int8 openvino", "small openvino", "small onnxruntime",
                     "small_int8 onnxruntime"], id="x86-64: int8 in OpenVINO"),
        pytest.param("x86-64", "onnxruntime", None, ["small onnxruntime", "small_int8 onnxruntime"],
                     id="float in ONNX Runtime"),
        pytest.param("Arm", None, None, ["small_int8 openvino", "small_int8 onnxruntime", "small openvino",
                     "small onnxruntime"], id="Arm: int8 in any library"),
        pytest.param("Arm", "openvino", "int8", ["small_int8 openvino"], id="what was asked for, nothing else"),
        pytest.param("Arm", None, "int8", ["small_int8 openvino", "small_int8 onnxruntime"], id="any library"),
    ],
)  # fmt: skip
def test_the_ways_to_run_a_model(family: str, backend: str | None, precision: str | None, ways: list[str]) -> None:
    found = ways_to_run("small", precision, backend, family=family)
    assert [f"{path.stem} {name}" for path, name in found] == ways


@pytest.mark.parametrize(
    ("machine", "family"), [("x86_64", "x86-64"), ("AMD64", "x86-64"), ("aarch64", "Arm"), ("arm64", "Arm")]
)
def test_every_system_names_its_processor(machine: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert processor_family() == family
    assert family in PREFERENCES


@pytest.fixture
def int8_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The libraries seem to compute garbage in int8, as OpenVINO does on an emulated Arm processor with SVE."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copy(SHIPPED["small"], tmp_path / "small.onnx")
    state_other_points(SHIPPED["small_int8"], tmp_path / "small_int8.onnx", off_px=26)
    monkeypatch.setattr(zoo, "ZOO", tmp_path)


@pytest.mark.usefixtures("int8_is_wrong")
def test_wrong_points_are_never_shown_by_default() -> None:
    said: list[str] = []
    backend, path = open_model("small", threads=1, say=said.append)
    assert (path.stem, backend.spec.precision) == ("small", "fp32")
    (line,) = said
    assert line.startswith("small_int8.onnx: OpenVINO")
    assert "off by 5" in line, "52 px of a 256 px crop"
    assert line.endswith("small in openvino takes its place")


@pytest.mark.usefixtures("int8_is_wrong")
def test_what_was_asked_for_and_is_wrong_is_refused() -> None:
    with pytest.raises(UnusableHereError, match="choose another precision or back end"):
        FaceLandmarker("small", precision="int8")
    result = CliRunner().invoke(app, ["track", "sample", "--model", "small", "--precision", "int8", "--frames", "1"])
    assert result.exit_code == 1
    assert "computes wrong points on this processor" in str(result.exception or result.output)


@pytest.mark.parametrize(
    ("missing", "runs_in", "precision"),
    [
        pytest.param("openvino", "ONNX Runtime, cpu", "fp32", id="without OpenVINO"),
        pytest.param("onnxruntime", "OpenVINO", "int8", id="without ONNX Runtime"),
    ],
)
def test_one_library_is_enough(
    missing: str, runs_in: str, precision: str, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with FaceLandmarker(threads=1) as whole:
        (wanted,) = whole.detect(picture)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr(zoo.opening, "processor_family", lambda: "x86-64")
    with FaceLandmarker(threads=1) as landmarker:
        (face,) = landmarker.detect(picture)
        assert landmarker._backend.runs_in.startswith(runs_in)  # type: ignore[attr-defined]
        assert landmarker.spec.precision == precision
    side = float((wanted.box.xyxy[2:] - wanted.box.xyxy[:2]).max())
    assert np.abs(face.landmarks.points - wanted.landmarks.points).max() < 0.02 * side
    assert capsys.readouterr().err == "", "a library that is not installed is no news"
    with pytest.raises(MissingDependency, match=f"pip install {missing}"):
        FaceLandmarker(backend=missing)


def test_without_any_library_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("openvino", "onnxruntime"):
        monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependency, match="pip install openvino"):
        FaceLandmarker()


def test_onnx_runtime_alone_never_loads_openvino(picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with FaceLandmarker("nano", backend="onnxruntime", threads=1) as landmarker:
        assert len(landmarker.detect(picture)) == 1


@pytest.mark.parametrize(
    ("providers", "problem"),
    [
        pytest.param("coremll", "providers must be of cpu, .*, got 'coremll'; installed here: .*cpu", id="typo"),
        pytest.param("cuda", "has no provider cuda, only .*; install onnxruntime-gpu in place of onnxruntime",
                     id="a wheel has it"),
        pytest.param(["coreml", "cpu"], "has no provider coreml, .*; no wheel for this system brings it", id="none"),
    ],
)  # fmt: skip
def test_a_provider_that_is_not_there_is_refused(providers: str | list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        open_backend(SHIPPED["nano"], name="onnxruntime", providers=providers)


def test_a_provider_that_runs_nothing_is_refused() -> None:
    """ONNX Runtime's wheels for Linux and Windows bring a provider that runs none of these operations."""
    import onnxruntime

    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no provider but the CPU")
    if not hasattr(onnxruntime.InferenceSession, "get_provider_graph_assignment_info"):
        pytest.skip("this ONNX Runtime does not tell which provider runs what")
    with pytest.raises(UnusableHereError, match="AzureExecutionProvider started, but can run none of the model's op"):
        open_backend(SHIPPED["nano"], name="onnxruntime", providers="AzureExecutionProvider")


def test_providers_are_of_onnx_runtime() -> None:
    with FaceLandmarker("nano", providers="cpu") as landmarker:
        assert landmarker._backend.runs_in == "ONNX Runtime, cpu"  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="providers are of the back end onnxruntime, got them for openvino"):
        FaceLandmarker("nano", backend="openvino", providers="cpu")
