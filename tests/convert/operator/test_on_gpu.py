"""The implementations that need a GPU, rehearsed without one: with fakes, and with the real TensorRT-RTX's builder."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_cuda import Error, FakeCuda, FakePyCuda
from fake_tensorrt import FakeTensorRt
from native_build import PROJECT, Native
from one_node import one_node
from one_node_engine import build_one_node, plugin_form, standard_form
from operator_call import CPU_ENTRY, CUDA_ENTRY, CUDA_LIBRARY_VARIABLE, named_cuda_library
from operator_implementations import IMPLEMENTATIONS, Implementation, epsilons
from operator_on_gpu import find_gpu
from operator_vectors import CASES, Case, Vector, draw

from sdfl.runtime.backends.tensorrt.library import Log

pytestmark = pytest.mark.slow

SKIPPED, FAILED = pytest.skip.Exception, pytest.fail.Exception
BY_NAME = {implementation.name: implementation for implementation in IMPLEMENTATIONS}
KERNELS = ("CUDA kernel", "CUDA kernel, CUDA graph")
PLUGIN = "TensorRT, plugin"
SMALL = draw(Case(1, 29, 29, 2, 2, 0.1))


def request(**fixtures: Any) -> Any:
    """pytest's request with fixtures of this test alone: nothing fake may stay in a fixture of the session."""
    return SimpleNamespace(getfixturevalue=fixtures.__getitem__)


class FakeKernel:
    """The kernel's entries, computed by the CPU reference when their turn in the fake's stream comes.

    status: what they return. writes: False leaves y as it is.
    """

    def __init__(self, native: Native, cuda: FakeCuda, *, status: int = 0, writes: bool = True) -> None:
        self.library, self.cuda = ctypes.CDLL(str(native.reference)), cuda
        self.status, self.writes = status, writes

    def __getitem__(self, name: str) -> Callable[..., int]:
        entry = self.library[name.replace(CUDA_ENTRY, CPU_ENTRY)]

        def launch(*arguments: Any) -> int:
            entry.argtypes = launch.argtypes[:-1]  # type: ignore[attr-defined]
            *own, stream = arguments
            self.cuda.enqueue(stream, lambda: entry(*own) if self.writes else None)
            return self.status

        return launch


@pytest.fixture
def pycuda(cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", FakePyCuda(cuda))
    return cuda


def check(implementation: Implementation, made: Any, vector: Vector) -> None:
    worst, allowed = epsilons(implementation, vector, implementation.open(made)(vector))
    assert worst <= allowed


@pytest.mark.native
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_runs_on_memory_of_cuda_bindings(name: str, native: Native, cuda: FakeCuda) -> None:
    made = request(cuda_library=FakeKernel(native, cuda))
    for case in CASES:
        check(BY_NAME[name], made, draw(case))
    assert not cuda.memory, "everything is freed"
    assert cuda.counts.get("cudaGraphLaunch", 0) == (len(CASES) if name == KERNELS[1] else 0)


@pytest.mark.native
def test_kernel_runs_on_memory_of_pycuda(native: Native, pycuda: FakeCuda) -> None:
    made = request(cuda_library=FakeKernel(native, pycuda))
    for case in CASES:
        check(BY_NAME[KERNELS[0]], made, draw(case))
    assert not pycuda.memory
    with pytest.raises(SKIPPED, match="pycuda has no CUDA graphs; install cuda-bindings"):
        BY_NAME[KERNELS[1]].open(made)(SMALL)


@pytest.mark.native
def test_kernel_that_writes_nothing_or_is_refused_fails(native: Native, cuda: FakeCuda) -> None:
    with pytest.raises(AssertionError):
        check(BY_NAME[KERNELS[0]], request(cuda_library=FakeKernel(native, cuda, writes=False)), SMALL)
    with pytest.raises(FAILED, match="did not take the work; status 209"):
        check(BY_NAME[KERNELS[0]], request(cuda_library=FakeKernel(native, cuda, status=209)), SMALL)
    assert not cuda.memory


@pytest.mark.parametrize("version", ["10.3.0", "11.1.0"])
def test_plugin_runs_in_an_engine_of_one_node(
    version: str,
    cuda: FakeCuda,
    install: Callable[[str], FakeTensorRt],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = install(version)
    plugin = tmp_path / "libsdfl_tensorrt.so"
    plugin.touch()
    library.libraries[str(plugin)] = {("SparseGraphConv", "1", "sdfl")}
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", str(plugin))
    for case in CASES:
        vector = draw(case)
        check(BY_NAME[PLUGIN], request(gpu=None), vector)
        network, profile = library.last.network, library.last.config.profiles[0]
        assert network.flags == 1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        assert [node.op_type for node in network.model.graph.node] == ["SparseGraphConv"]
        assert not network.model.functions, "only the plugin can compute it"
        assert profile["z"][0] == vector.z.shape
        assert "TF32" not in library.last.config.flags
    assert not cuda.memory


def test_what_goes_wrong_in_the_engine_is_told(
    tensorrt: FakeTensorRt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / "libsdfl_tensorrt.so"
    plugin.touch()
    tensorrt.libraries[str(plugin)] = {("SparseGraphConv", "1", "sdfl")}
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", str(plugin))
    run = BY_NAME[PLUGIN].open(request(gpu=None))
    tensorrt.build_error = "out of memory"
    with pytest.raises(AssertionError, match="TensorRT cannot build the node: out of memory"):
        run(SMALL)
    tensorrt.build_error, tensorrt.run_error = "", "no kernel image is available"
    with pytest.raises(FAILED, match="did not take the work"):
        run(SMALL)


def test_plugin_that_is_named_and_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", "/nowhere.so")
    with pytest.raises(FAILED, match=r"SDFL_TENSORRT_PLUGIN names /nowhere\.so, which is no file"):
        BY_NAME[PLUGIN].open(request(gpu=None))


def test_reasons_to_skip_say_what_is_missing(cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SDFL_TENSORRT_PLUGIN", raising=False)
    with pytest.raises(SKIPPED, match="SDFL_TENSORRT_PLUGIN names no library of the plugin; build it: docs/"):
        BY_NAME[PLUGIN].open(request(gpu=None))
    plugin = tmp_path / "libsdfl_tensorrt.so"
    plugin.touch()
    monkeypatch.setenv("SDFL_TENSORRT_PLUGIN", str(plugin))
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(SKIPPED, match="tensorrt is not installed.*TensorRT-RTX takes no plugins"):
        BY_NAME[PLUGIN].open(request(gpu=None))
    cuda.fails["cudaGetDeviceCount"] = Error.cudaErrorNoDevice
    with pytest.raises(SKIPPED, match="no NVIDIA GPU can be used: cudaGetDeviceCount failed: cudaErrorNoDevice"):
        find_gpu()
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(SKIPPED, match="neither cuda-bindings nor pycuda is installed"):
        find_gpu()


def test_named_kernel_library(native: Native, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the function and not through the fixture, of which later tests must know nothing."""
    monkeypatch.delenv(CUDA_LIBRARY_VARIABLE, raising=False)
    assert named_cuda_library() is None
    text = tmp_path / "text.so"
    text.write_text("no library")
    for path, problem in (
        (tmp_path / "nowhere.so", "cannot open shared object file"),
        (text, "file too short|invalid ELF header"),
        (native.reference, "undefined symbol: sparse_graph_conv_cuda_f32"),
    ):
        monkeypatch.setenv(CUDA_LIBRARY_VARIABLE, str(path))
        with pytest.raises(FAILED, match=f"SDFL_CUDA_LIBRARY names {path}, which is no library.*({problem})"):
            named_cuda_library()


@pytest.mark.native
def test_a_built_kernel_library_can_be_named(built_cuda_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built_cuda_library.parent)
    monkeypatch.setenv(CUDA_LIBRARY_VARIABLE, built_cuda_library.name)  # a path relative to the current folder
    library = named_cuda_library()
    assert library is not None
    assert library._name == str(built_cuda_library)


@pytest.mark.parametrize(
    ("library", "outcome"),
    [
        pytest.param("/nowhere.so", "3 failed", id="a named library that does not load fails"),
        pytest.param("", "3 skipped", id="no GPU skips"),
    ],
)
def test_the_rows_run_without_torch_and_without_a_gpu(library: str, outcome: str, tmp_path: Path) -> None:
    """In a process whose torch cannot be imported, as on a Jetson."""
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")
    variables = {"CUDA_VISIBLE_DEVICES": "", CUDA_LIBRARY_VARIABLE: library, "SDFL_TENSORRT_PLUGIN": library}
    variables["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    chosen = ["-m", "gpu", "-k", "float16 and K1"]  # one vector
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    done = subprocess.run(
        [*command, "tests/convert/operator"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )
    assert outcome in done.stdout, done.stdout + done.stderr
    if library:
        assert f"SDFL_CUDA_LIBRARY names {library}, which is no library of the CUDA kernel" in done.stdout
    else:
        assert "no NVIDIA GPU can be used: cudaGetDeviceCount failed" in done.stdout


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_real_tensorrt_rtx_builds_one_node(case: Case) -> None:
    """The same steps with NVIDIA's parser and builder. TensorRT-RTX takes no plugins: it gets standard operators, and
    of the node that names the plugin it says that this plugin is missing."""
    library = pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed: pip install '.[rtx]'")
    vector = draw(case)
    model, log = one_node(vector), Log(library)
    content = build_one_node(library, log, standard_form(model), vector, capability="8.9")
    assert len(content) > 10_000
    assert not log.errors()
    with pytest.raises(AssertionError, match="parser refuses the node: .*Plugin not found"):
        build_one_node(library, log, plugin_form(model), vector, capability="8.9")
