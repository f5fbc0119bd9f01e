"""The vectors' file and what CMake builds from the sources beside these tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # vectors, implementations, ...: helpers beside this file
import vectors as generated

PROJECT = Path(__file__).parents[2]


def cmake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run CMake in the project's folder; skip where it or a compiler is missing."""
    if not shutil.which("cmake") or not shutil.which("c++"):
        pytest.skip("cmake and a C++ compiler are needed to build the native operator")
    command = ["cmake", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def build(preset: str, folder: Path, *options: str) -> Path:
    """Configure and build `preset` in `folder`, and return the folder that holds what was built."""
    configured = cmake("--preset", preset, "-B", folder, f"-DPython_EXECUTABLE={sys.executable}", *options)
    assert configured.returncode == 0, configured.stderr
    built = cmake("--build", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in (built.stdout + built.stderr).lower(), built.stdout
    return folder / "convert" / "csrc"


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, generated.Vector]:
    """All test vectors by name, read back from the file that is written from them."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.npz"
    generated.write(path)
    return generated.read(path)


@dataclass(frozen=True)
class Native:
    twin: Path
    extension: Path


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """The CPU twin and the OpenVINO extension, built against the OpenVINO of this Python."""
    folder = build("openvino", tmp_path_factory.mktemp("native"))
    return Native(folder / "tests" / "libsdfl_twin.so", folder / "openvino" / "libsdfl_openvino.so")


@pytest.fixture(scope="session")
def cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernel for every GPU that the project names; skips where there is no nvcc."""
    if not shutil.which("nvcc"):
        pytest.skip("nvcc is needed to build the CUDA kernel")
    options = ("-DSDFL_CUDA=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    folder = build("host", tmp_path_factory.mktemp("cuda"), *options)
    return folder / "cuda" / "libsdfl_cuda.so"
