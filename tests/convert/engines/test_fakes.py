"""The fakes have no name that the real packages lack."""

from __future__ import annotations

from typing import Any

import fake_tensorrt
import fake_tensorrt_engine
import pytest
from fake_cuda import Error, FakeCuda
from fake_tensorrt import NOT_IN_11, FakeTensorRt


def public(kind: Any) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def test_cuda() -> None:
    runtime = pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    used = {name for name in public(FakeCuda) if name.startswith("cuda")}
    assert len(used) > 15
    assert {name for name in used if not hasattr(runtime, name)} == set()
    assert {name for name in Error.__members__ if not hasattr(runtime.cudaError_t, name)} == set()
    properties = runtime.cudaDeviceProp()
    assert all(hasattr(properties, name) for name in ("name", "major", "minor", "integrated"))


OWN = {"library", "logger", "model", "names", "session", "errors", "network", "engine", "layers", "fails"}
SHARED = [
    pytest.param(fake_tensorrt.Builder, "Builder", id="Builder"),
    pytest.param(fake_tensorrt.Network, "INetworkDefinition", id="INetworkDefinition"),
    pytest.param(fake_tensorrt.Config, "IBuilderConfig", id="IBuilderConfig"),
    pytest.param(fake_tensorrt.OnnxParser, "OnnxParser", id="OnnxParser"),
    pytest.param(fake_tensorrt_engine.Runtime, "Runtime", id="Runtime"),
    pytest.param(fake_tensorrt_engine.CudaEngine, "ICudaEngine", id="ICudaEngine"),
    pytest.param(fake_tensorrt_engine.ExecutionContext, "IExecutionContext", id="IExecutionContext"),
]


@pytest.mark.parametrize(("fake", "real"), SHARED)
def test_tensorrt(fake: type, real: str) -> None:
    library = pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed")
    used = public(fake) - OWN
    assert used
    assert {name for name in used if not hasattr(getattr(library, real), name)} == set()


def test_tensorrt_11_has_no_flags_for_precision() -> None:
    assert all(hasattr(FakeTensorRt("10.3.0").BuilderFlag, name) for name in NOT_IN_11)
    assert not any(hasattr(FakeTensorRt("11.1.0").BuilderFlag, name) for name in NOT_IN_11)
    library = pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed")
    assert not any(hasattr(library.BuilderFlag, name) for name in NOT_IN_11)  # it shares the interface of 11
    assert hasattr(library.BuilderFlag, "TF32")
