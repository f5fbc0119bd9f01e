"""The vectors' file and what CMake builds from the sources beside these tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import operator_vectors as generated
import pytest
from native_build import Native, build


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
def cuda_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CUDA kernel for every GPU that the project names; skips where there is no nvcc."""
    if not shutil.which("nvcc"):
        pytest.skip("nvcc is needed to build the CUDA kernel")
    options = ("-DSDFL_CUDA=ON", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON")
    folder = build("host", tmp_path_factory.mktemp("cuda"), *options)
    return folder / "cuda" / "libsdfl_cuda.so"
