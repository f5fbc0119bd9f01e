"""The back end for .tflite files, and what it says about files that it cannot use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import toy_tflite
from in_threads import in_threads

from sdfl.artifacts.model_file import read_built, read_spec
from sdfl.errors import ArtifactError, ClosedError, ConfigError, MissingDependency, UnusableHereError
from sdfl.runtime.backends import backends_for, open_backend
from sdfl.runtime.backends.litert import LiteRtBackend
from sdfl.runtime.doctor.self_tests import run_self_tests
from sdfl.runtime.zoo import resolve_model

pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed (extra litert)")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return toy_tflite.save_toy_tflite(tmp_path / "toy.tflite")


def crops(count: int) -> np.ndarray:
    size = toy_tflite.SIZE
    return np.random.default_rng(count).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("count", [pytest.param(0, id="no face"), 1, 3])
def test_it_computes_what_the_file_holds(model: Path, count: int) -> None:
    batch = crops(count)
    backend = open_backend(model, threads=1)
    found, wanted = backend.infer(batch), toy_tflite.numpy_reference(batch)
    np.testing.assert_allclose(found.points, wanted.points, atol=1e-3)  # px; sums of 4096 floats
    np.testing.assert_allclose(found.presence, wanted.presence, atol=1e-5)
    np.testing.assert_allclose(found.log_scale, wanted.log_scale, atol=1e-3)


def test_the_file_says_what_it_is(model: Path) -> None:
    passport, spec = read_built(model), read_spec(model)
    assert passport is not None
    assert (passport.target, passport.source, spec.name, spec.precision) == ("litert", "toy.onnx", "toy", "fp32")
    assert backends_for(model) == ("litert",)


def test_threads_take_turns(model: Path) -> None:
    backend = LiteRtBackend(model)
    batches = [crops(2 + number) for number in range(4)]
    alone = [backend.infer(batch).points for batch in batches]
    for found, wanted in zip(in_threads(lambda number: backend.infer(batches[number]).points), alone, strict=True):
        np.testing.assert_array_equal(found, wanted)


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), "not match the hash", id="a byte cut off"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:3000]), "holds no passport", id="half of it"),
        pytest.param(lambda path: path.write_bytes(toy_tflite.network()), "holds no passport", id="another program's"),
        pytest.param(lambda path: path.write_bytes(b""), "holds no passport", id="empty"),
        pytest.param(lambda path: _flip(path, 200), "does not match the hash of itself", id="a bit in the network"),
        pytest.param(lambda path: path.unlink(), "cannot be read", id="missing"),
    ],
)
def test_damaged_files_are_one_line(model: Path, spoil: Callable[[Path], object], message: str) -> None:
    spoil(model)
    with pytest.raises(ArtifactError, match=rf"toy\.tflite: .*{message}") as caught:
        open_backend(model)
    assert "\n" not in str(caught.value)


def test_wrong_points_are_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = toy_tflite.save_toy_tflite(tmp_path / "toy.tflite", shift_px=1.0)
    with pytest.raises(UnusableHereError, match=r"toy\.tflite: LiteRT, cpu computes wrong points .*off by 4 px"):
        open_backend(path)


def test_the_doctor_tests_it(model: Path, tmp_path: Path) -> None:
    wrong = toy_tflite.save_toy_tflite(tmp_path / "wrong.tflite", shift_px=1.0)
    rows = list(run_self_tests([model, wrong], detector=False))
    assert [(row.model, row.runs_in, row.result.split(":")[0]) for row in rows] == [
        ("toy", "LiteRT, cpu", "passed"),
        ("wrong", "LiteRT, cpu", "failed"),
    ]


def test_a_closed_one_says_so(model: Path) -> None:
    backend = LiteRtBackend(model)
    backend.close()
    with pytest.raises(ClosedError):
        backend.infer(crops(1))


def test_it_reads_nothing_else(model: Path) -> None:
    with pytest.raises(ConfigError, match=r"backend litert does not read small\.onnx, .*sdfl build --target litert"):
        open_backend(resolve_model("small"), name="litert")
    with pytest.raises(ConfigError, match=r"backend openvino does not read toy\.tflite, litert do"):
        open_backend(model, name="openvino")


def test_without_the_package_the_error_says_what_to_install(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(MissingDependency, match=r"ai-edge-litert is not installed; .*\[litert\]"):
        open_backend(model)
