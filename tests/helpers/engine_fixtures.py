"""A toy model, and a TensorRT and a GPU that are fakes; for every test that asks for them by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_cuda import FakeCuda
from fake_tensorrt import FakeTensorRt
from toy_engine import build_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from toy_model import save_toy_model

    return save_toy_model(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    """A Jetson Orin of JetPack 6."""
    fake = FakeCuda()
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", fake)
    return fake


@pytest.fixture
def install(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], FakeTensorRt]:
    """install(version): that TensorRT is there, with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SDFL_TENSORRT_PLUGIN", raising=False)

    def put(version: str) -> FakeTensorRt:
        library = FakeTensorRt(version, cuda)
        monkeypatch.setitem(sys.modules, "tensorrt", library)
        return library

    return put


@pytest.fixture
def tensorrt(install: Callable[[str], FakeTensorRt]) -> FakeTensorRt:
    return install("10.3.0")


@pytest.fixture
def engine(toy: Path, tensorrt: FakeTensorRt, tmp_path: Path) -> Path:
    """The toy model, built in fp32 for one to three faces."""
    return build_toy(toy, tmp_path / "toy.engine", precision="fp32", max_faces=3)
