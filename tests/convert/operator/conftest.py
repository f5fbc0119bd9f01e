"""The vectors' file and what CMake builds from the sources beside these tests."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import operator_vectors as generated
import pytest
from native_build import Native, build
from operator_call import CUDA_LIBRARY_VARIABLE, named_cuda_library
from operator_on_gpu import find_gpu

from sdfl.artifacts.passport import Gpu


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, generated.Vector]:
    """All test vectors by name, read back from the file that is written from them."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.npz"
    generated.write(path)
    return generated.read(path)


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """The CPU reference and the OpenVINO extension, built against the OpenVINO of this Python."""
    folder = build("openvino", tmp_path_factory.mktemp("native"))
    return Native(folder / "tests" / "libsdfl_reference.so", folder / "openvino" / "libsdfl_openvino.so")


@pytest.fixture(scope="session")
def built_cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernel for every GPU that the project names, built here; skips where there is no nvcc."""
    if not shutil.which("nvcc"):
        pytest.skip(f"nvcc is needed to build the CUDA kernel, or {CUDA_LIBRARY_VARIABLE} has to name a built one")
    options = ("-DSDFL_CUDA=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    folder = build("host", tmp_path_factory.mktemp("cuda"), *options)
    return folder / "cuda" / "libsdfl_cuda.so"


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    """GPU 0. Skips where there is none, once for all tests: a GPU that fails later is a failure."""
    return find_gpu()


@pytest.fixture
def cuda_library(request: pytest.FixtureRequest) -> ctypes.CDLL:
    """The CUDA kernel to run: what SDFL_CUDA_LIBRARY names, else one that is built.

    Made anew for each test, so that a test which changes the variable changes it for itself alone.
    """
    named = named_cuda_library()
    request.getfixturevalue("gpu")
    return named or ctypes.CDLL(str(request.getfixturevalue("built_cuda_library")))
