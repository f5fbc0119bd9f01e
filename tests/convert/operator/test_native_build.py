"""Building: what CMake makes, what it refuses, and what the built programs find."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from native_build import PROJECT, build, cmake
from operator_call import CUDA_ENTRY, call
from operator_vectors import Case, draw, write_binary

pytestmark = pytest.mark.slow

ARCHITECTURES = (75, 86, 87, 89, 90, 110, 120)


def one_sentence(error: str) -> str:
    """CMake wraps a message and indents it between its own lines."""
    return " ".join(" ".join(line.split()) for line in error.splitlines() if line.startswith("  ")).strip()


def test_presets_are_listed() -> None:
    presets = json.loads((PROJECT / "CMakePresets.json").read_text())["configurePresets"]
    assert [preset["name"] for preset in presets] == ["host", "openvino", "tensorrt", "jetson"]
    assert cmake("--list-presets").returncode == 0


@pytest.mark.parametrize("root", ["", "/nowhere"])
def test_tensorrt_without_its_headers_fails_in_one_sentence(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TENSORRT_ROOT", raising=False)
    result = cmake("--preset", "tensorrt", "-B", tmp_path, f"-DTENSORRT_ROOT={root}")
    assert result.returncode != 0
    wanted = f"TENSORRT_ROOT must name the folder with TensorRT's include/NvInferRuntime.h, it is '{root}'."
    assert one_sentence(result.stderr) == wanted


@pytest.mark.parametrize(("wish", "succeeds"), [("AUTO", True), ("ON", False)])
def test_without_a_compiler(wish: str, succeeds: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "/nowhere/c++")
    result = cmake("-S", ".", "-B", tmp_path, f"-DSDFL_OPENVINO={wish}")
    assert (result.returncode == 0) == succeeds
    if succeeds:
        assert "no C++ compiler, the native operator is left out" in result.stdout
    else:
        assert one_sentence(result.stderr).startswith("No C++ compiler was found: ")


@pytest.mark.parametrize(("wish", "left_out"), [("AUTO", True), ("ON", False)])
def test_on_windows_nothing_is_compiled_unasked(wish: str, left_out: bool, tmp_path: Path) -> None:
    """A compiler that nobody has tried must not keep the package from being installed."""
    pretend = ("-DCMAKE_SYSTEM_NAME=Windows", "-DCMAKE_CXX_COMPILER_WORKS=1", f"-DPython_EXECUTABLE={sys.executable}")
    result = cmake("-S", ".", "-B", tmp_path, f"-DSDFL_OPENVINO={wish}", *pretend)
    assert ("is built on Linux alone; it is left out" in result.stdout) == left_out
    if left_out:
        assert result.returncode == 0, result.stderr
        assert "Building" not in cmake("--build", tmp_path).stdout


@pytest.mark.native
def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """Every vector, and indices and shapes that do not fit, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    folder = build("openvino", tmp_path / "build", "-DSDFL_SANITIZE=ON")
    write_binary(tmp_path / "vectors.bin")
    program = folder / "tests" / "sdfl_run_vectors"
    result = subprocess.run([program, tmp_path / "vectors.bin"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.startswith("ok")


@pytest.mark.native
def test_kernel_is_compiled_for_every_gpu(built_cuda_library: Path) -> None:
    commands = (built_cuda_library.parents[3] / "compile_commands.json").read_text()
    for architecture in ARCHITECTURES:
        assert f"sm_{architecture}]" in commands
    assert "compute_75,sm_75" in commands  # PTX for what lies between them
    assert "compute_120,sm_120" in commands  # PTX for what comes after them


@pytest.mark.native
@pytest.mark.parametrize(("batch", "failing"), [(0, False), (1, True)])
def test_kernel_entry_returns_an_error_without_a_gpu(batch: int, failing: bool, built_cuda_library: Path) -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("here is a GPU")
    pointers = [ctypes.addressof(ctypes.create_string_buffer(16))] * 5  # never read
    vector = draw(Case(batch, 98, 98, 4, 128, 0))
    status = call(ctypes.CDLL(str(built_cuda_library)), CUDA_ENTRY, vector, pointers, None)
    assert (status != 0) == failing


def tensorrt_runtime() -> Path:
    """TensorRT's runtime library: the one that SDFL_TENSORRT_RUNTIME names, else that of tensorrt_lean_cu13_libs."""
    named = os.environ.get("SDFL_TENSORRT_RUNTIME")
    package = importlib.util.find_spec("tensorrt_lean_libs")
    folder = Path(package.submodule_search_locations[0]) if package and package.submodule_search_locations else None
    libraries = [Path(named)] if named else sorted(folder.glob("libnvinfer_lean.so.*")) if folder else []
    if not libraries:
        pytest.skip("no TensorRT runtime: install tensorrt_lean_cu13_libs or set SDFL_TENSORRT_RUNTIME")
    return libraries[0]


@pytest.mark.native
def test_plugin_in_the_real_registry(tmp_path: Path) -> None:
    """Created, cloned, serialised and asked for formats; where there is a GPU, also enqueued."""
    if not os.environ.get("TENSORRT_ROOT"):
        pytest.skip("TENSORRT_ROOT names no TensorRT headers")
    runtime = tensorrt_runtime()
    folder = build("tensorrt", tmp_path)
    command = [folder / "tests" / "sdfl_plugin_registry", runtime, folder / "tensorrt" / "libsdfl_tensorrt.so"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok    what was serialised makes the plugin again" in result.stdout
    sys.stdout.write(result.stdout)
