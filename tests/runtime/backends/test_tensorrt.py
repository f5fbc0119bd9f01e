"""The TensorRT back end: refusals before anything is deserialised, then results, memory and replay."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_model
from fake_cuda import Error, FakeCuda, FakePyCuda
from fake_tensorrt import FakeTensorRt

from sdfl.artifacts.passport import hash_of, passport_path
from sdfl.errors import ArtifactError, ConfigError, MissingDependency, SdflError
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.cuda.interface import CudaError
from sdfl.runtime.backends.cuda.open import read_gpu
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.backends.tensorrt.backend import TensorRtBackend
from sdfl.types import Image


def crops(batch: int) -> Image:
    return np.random.default_rng(1).integers(0, 256, (batch, toy_model.SIZE, toy_model.SIZE, 3), dtype=np.uint8)


def change_passport(engine: Path, **values: Any) -> None:
    path = passport_path(engine)
    table = json.loads(path.read_text()) | values
    table["sha256"] = hash_of({key: value for key, value in table.items() if key != "sha256"})
    path.write_text(json.dumps(table))


def test_a_passport_that_was_edited_is_refused(engine: Path) -> None:
    path = passport_path(engine)
    path.write_text(path.read_text().replace('"max_faces": 3', '"max_faces": 2'))
    with pytest.raises(ArtifactError, match=r"toy\.engine\.json: is no passport \(does not match the hash of itself"):
        open_backend(engine)


@pytest.mark.parametrize("batch", [pytest.param(n, id=f"{n} faces by an engine for three") for n in (1, 2, 3, 7)])
def test_it_agrees_with_onnx_runtime(engine: Path, toy: Path, batch: int) -> None:
    backend = open_backend(engine)
    got, want = backend.infer(crops(batch)), OnnxRuntimeBackend(toy).infer(crops(batch))
    for part in ("points", "presence", "log_scale"):
        np.testing.assert_allclose(getattr(got, part), getattr(want, part), atol=1e-4, err_msg=part)
    backend.close()


def test_no_face_is_no_work(engine: Path) -> None:
    assert open_backend(engine).infer(crops(0)).points.shape == (0, 68, 2)


def test_frames_after_the_first_allocate_nothing_and_are_one_graph_launch(engine: Path, cuda: FakeCuda) -> None:
    backend = open_backend(engine)
    backend.infer(crops(2))
    before = dict(cuda.counts)
    for _ in range(5):
        backend.infer(crops(2))
    new = {name: count - before.get(name, 0) for name, count in cuda.counts.items() if count != before.get(name, 0)}
    assert new == {"cudaGraphLaunch": 5, "cudaStreamSynchronize": 5}


def test_without_a_graph_every_frame_is_enqueued_and_gives_the_same(engine: Path, cuda: FakeCuda) -> None:
    replayed, enqueued = TensorRtBackend(engine), TensorRtBackend(engine, graphs=False)
    assert (replayed.is_graph, enqueued.is_graph) == (True, False)
    want = replayed.infer(crops(1)).points
    launches = cuda.counts["cudaGraphLaunch"]
    np.testing.assert_array_equal(enqueued.infer(crops(1)).points, want)
    assert cuda.counts["cudaGraphLaunch"] == launches


def test_close_frees_all_memory(engine: Path, cuda: FakeCuda) -> None:
    backend = open_backend(engine)
    backend.infer(crops(3))
    assert cuda.memory
    backend.close()
    assert not cuda.memory


def test_an_answer_stays_valid_after_the_next_one(engine: Path) -> None:
    backend = open_backend(engine)
    first = backend.infer(crops(1))
    kept = first.points.copy()
    backend.infer(255 - crops(1))
    np.testing.assert_array_equal(first.points, kept)


def test_work_that_no_graph_can_hold_is_enqueued_each_time(
    engine: Path, toy: Path, cuda: FakeCuda, tensorrt: FakeTensorRt
) -> None:
    tensorrt.capturable = False
    backend = open_backend(engine)
    want = OnnxRuntimeBackend(toy).infer(crops(2))
    for _ in range(2):
        np.testing.assert_allclose(backend.infer(crops(2)).points, want.points, atol=1e-4)
    assert "cudaGraphLaunch" not in cuda.counts


def test_pycuda_serves_where_it_is_what_the_image_has(
    engine: Path, toy: Path, cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", FakePyCuda(cuda))
    backend = open_backend(engine)
    want = OnnxRuntimeBackend(toy).infer(crops(3))
    np.testing.assert_allclose(backend.infer(crops(3)).points, want.points, atol=1e-4)
    backend.close()
    assert not cuda.memory


REFUSALS = [
    pytest.param({"library_version": "10.13.2"}, r"with tensorrt 10\.13\.2, here is 10\.3\.0 \(another container",
                 id="built in a container with another TensorRT"),
    pytest.param({"compute_capabilities": ["8.9"]}, r"compute capability 8\.9, Orin has 8\.7", id="another GPU family"),
    pytest.param({"gpu": "NVIDIA RTX 4060"}, "was built on NVIDIA RTX 4060, this is Orin", id="another GPU"),
    pytest.param({"artifact_sha256": "0" * 64}, "is not the file that its passport describes", id="engine replaced"),
    pytest.param({"plugin_sha256": "1" * 64}, "needs the operator's plugin; name its library in SDFL_TENSORRT_PLUGIN",
                 id="plugin not named"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "message"), REFUSALS)
def test_an_engine_for_elsewhere_is_refused_before_it_is_deserialised(
    engine: Path, tensorrt: FakeTensorRt, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], message: str
) -> None:
    change_passport(engine, **values)
    monkeypatch.setattr(tensorrt, "Runtime", lambda logger: pytest.fail("TensorRT was handed the engine"))
    with pytest.raises(ArtifactError, match=message) as caught:
        open_backend(engine)
    assert "sdfl build toy.onnx --target tensorrt --precision fp32 --max-faces 3" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_library_of_another_build_is_refused(
    engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "libsdfl_tensorrt.so"
    plugin.write_bytes(b"another build")
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", str(plugin))
    change_passport(engine, plugin_sha256="1" * 64)
    with pytest.raises(ArtifactError, match="was built with another plugin library than .*libsdfl_tensorrt"):
        open_backend(engine)
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", str(tmp_path / "nowhere.so"))
    with pytest.raises(ConfigError, match=r"SDFL_TENSORRT_PLUGIN names .*nowhere\.so, which is no file"):
        open_backend(engine)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda path: passport_path(path).unlink(), r"toy\.engine\.json is missing", id="no passport"),
        pytest.param(lambda path: passport_path(path).write_text("{"), "is no passport", id="passport cut off"),
        pytest.param(lambda path: passport_path(path).write_text("[]"), "is no passport", id="some other JSON"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:99]), "cut off, or replaced", id="cut off"),
    ],
)  # fmt: skip
def test_damaged_files_are_one_line(engine: Path, spoil: Callable[[Path], Any], message: str) -> None:
    spoil(engine)
    with pytest.raises(ArtifactError, match=message) as caught:
        open_backend(engine)
    assert "\n" not in str(caught.value)


def test_a_plugin_without_a_kernel_for_this_gpu_says_how_to_build_it(engine: Path, tensorrt: FakeTensorRt) -> None:
    """What a library built for desktop GPUs does on an Orin (sm_87)."""
    tensorrt.run_error = "no kernel image is available for execution on the device"
    with pytest.raises(ArtifactError, match="CMAKE_CUDA_ARCHITECTURES= its compute capability.* 87 for Orin"):
        open_backend(engine)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        pytest.param("cudaGetDeviceCount", Error.cudaErrorInsufficientDriver, "cuda-bindings==12", id="old driver"),
        pytest.param("cudaGetDeviceCount", Error.cudaErrorNoDevice, "--runtime nvidia", id="container without a GPU"),
        pytest.param("cudaMalloc", Error.cudaErrorMemoryAllocation, "add swap on a Jetson", id="memory is full"),
    ],
)
def test_what_cuda_refuses_comes_with_a_cure(
    engine: Path, cuda: FakeCuda, function: str, error: Error, message: str
) -> None:
    cuda.fails[function] = error
    with pytest.raises(SdflError, match=message) as caught:
        open_backend(engine)
    assert "\n" not in str(caught.value)


def test_missing_libraries_name_the_command(
    engine: Path, tensorrt: FakeTensorRt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(MissingDependency, match=r"cuda-bindings is not installed.*pip install '.*\[tensorrt\]'"):
        open_backend(engine)
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingDependency, match=r"tensorrt is not installed.*pip install '.*\[tensorrt\]'"):
        open_backend(engine)


def test_tensorrt_8_is_too_old(engine: Path, install: Callable[[str], FakeTensorRt]) -> None:
    install("8.6.2")
    with pytest.raises(SdflError, match=r"8\.6\.2 is too old.*JetPack 6\.1"):
        open_backend(engine)


def test_files_go_to_the_back_end_that_reads_them(engine: Path, toy: Path) -> None:
    with pytest.raises(ConfigError, match=r"backend openvino does not read toy\.engine, tensorrt do"):
        open_backend(engine, name="openvino")
    with pytest.raises(ConfigError, match="build such a file first: sdfl build --target tensorrt"):
        open_backend(toy, name="tensorrt")


def test_the_gpu_is_what_the_driver_says(cuda: FakeCuda) -> None:
    gpu = read_gpu()
    assert (gpu.name, gpu.compute_capability, gpu.driver, gpu.free_mb, gpu.integrated) == (
        "Orin",
        "8.7",
        "12.6",
        2048,
        True,
    )
    cuda.fails["cudaMemGetInfo"] = Error.cudaErrorNoKernelImageForDevice
    with pytest.raises(CudaError, match="cudaMemGetInfo failed"):
        read_gpu()
