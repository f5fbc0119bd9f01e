"""Memory of an NVIDIA GPU behind one small interface: `cuda-bindings`, or `pycuda` where a Jetson image brings that."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.passport import Gpu
from sdfl.errors import MissingDependency, SdflError

Array = npt.NDArray[Any]
Enqueue = Callable[[int], bool]  # given a CUDA stream, puts work into it; False where that failed
Replay = Callable[[], None]


class CudaError(SdflError):
    """The driver or the GPU refused something; the message says what, and what to do where that is known."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """host: an array in pinned memory. address: of its twin in the memory of the GPU."""

    host: Array
    address: int


class Cuda(Protocol):
    """buffer: memory, kept until close. record: work that is then repeated without any allocation, copies of `inputs`
    before and `outputs` after `enqueue`; calling the result runs it and waits, other Python threads go on meanwhile."""

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer: ...

    def record(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer], enqueue: Enqueue) -> Replay: ...

    def close(self) -> None: ...


class CudaBindings:
    """A `Cuda` by NVIDIA's own Python package: one stream, one CUDA graph for each recorded work."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime
        self._freeing: list[Callable[[], Any]] = []
        (self._stream,) = self._call("cudaStreamCreateWithFlags", runtime.cudaStreamNonBlocking)
        self._freeing.append(lambda: runtime.cudaStreamDestroy(self._stream))

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        kind = np.dtype(dtype)
        size = max(1, math.prod(shape) * kind.itemsize)
        (host,) = self._call("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault)
        self._freeing.append(lambda: self._runtime.cudaFreeHost(host))
        (device,) = self._call("cudaMalloc", size)
        self._freeing.append(lambda: self._runtime.cudaFree(device))
        memory = (ctypes.c_uint8 * size).from_address(int(host))
        return Buffer(np.frombuffer(memoryview(memory), kind, count=math.prod(shape)).reshape(shape), int(device))

    def record(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer], enqueue: Enqueue) -> Replay:
        def work() -> bool:
            for buffer in inputs:
                self._copy(buffer.address, buffer.host.ctypes.data, buffer.host.nbytes, "cudaMemcpyHostToDevice")
            done = enqueue(int(self._stream))
            for buffer in outputs:
                self._copy(buffer.host.ctypes.data, buffer.address, buffer.host.nbytes, "cudaMemcpyDeviceToHost")
            return done

        def wait() -> None:
            self._call("cudaStreamSynchronize", self._stream)

        def run_plainly() -> None:
            if not work():
                raise CudaError("the GPU did not take the work")
            wait()

        run_plainly()  # TensorRT settles its shapes in the first run, which must not be captured
        graph = self._capture(work)
        if graph is None:
            return run_plainly

        def replay() -> None:
            self._call("cudaGraphLaunch", graph, self._stream)
            wait()

        return replay

    def close(self) -> None:
        """Free everything, newest first."""
        with suppress(CudaError):
            self._call("cudaStreamSynchronize", self._stream)
        while self._freeing:
            self._freeing.pop()()

    def _capture(self, work: Callable[[], bool]) -> Any:
        """An executable graph of `work`, None where it holds what a graph cannot."""
        runtime = self._runtime
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal  # other threads may use the GPU meanwhile
        self._call("cudaStreamBeginCapture", self._stream, mode)
        try:
            done = work()
        except CudaError:
            done = False
        error, graph = runtime.cudaStreamEndCapture(self._stream)
        if not done or error != runtime.cudaError_t.cudaSuccess:
            runtime.cudaGetLastError()  # a failed capture leaves its error for the next call to find
            return None
        try:
            (executable,) = self._call("cudaGraphInstantiate", graph, 0)
        except CudaError:
            return None
        finally:
            runtime.cudaGraphDestroy(graph)
        self._freeing.append(lambda: runtime.cudaGraphExecDestroy(executable))
        return executable

    def _copy(self, target: int, source: int, size: int, direction: str) -> None:
        kind = getattr(self._runtime.cudaMemcpyKind, direction)
        self._call("cudaMemcpyAsync", target, source, size, kind, self._stream)

    def _call(self, name: str, *arguments: Any) -> tuple[Any, ...]:
        return call(self._runtime, name, *arguments)


def call(runtime: Any, name: str, *arguments: Any) -> tuple[Any, ...]:
    """The results of one function of `cuda.bindings.runtime`. Raises CudaError."""
    error, *results = getattr(runtime, name)(*arguments)
    if error != runtime.cudaError_t.cudaSuccess:
        raise CudaError(explain(f"{name} failed: {error.name}"))
    return tuple(results)


ADVICE = (
    ("InsufficientDriver", "the NVIDIA driver is missing, or older than this cuda-bindings; on JetPack 6: "
     "pip install 'cuda-bindings==12.*', elsewhere install or update the driver"),
    ("NoDevice", "there is no NVIDIA GPU, or the container was started without --gpus all (Jetson: --runtime nvidia)"),
    ("MemoryAllocation", "the GPU's memory is full; close other programs, or add swap on a Jetson (docs/jetson.md)"),
    ("NoKernelImage", "the operator's plugin holds no kernel for this GPU; build it again with "
     "-D CMAKE_CUDA_ARCHITECTURES= its compute capability without the dot, for example 87 for Orin"),
)  # fmt: skip


def explain(message: str) -> str:
    """`message` with what to do, where a known cause is found in it."""
    advice = next((advice for cause, advice in ADVICE if cause.lower() in message.lower()), "")
    return f"{message}: {advice}" if advice else message


def open_cuda() -> Cuda:
    """With what is installed, `cuda-bindings` first. Raises MissingDependency and CudaError."""
    runtime = find_bindings()
    if runtime is not None:
        return CudaBindings(runtime)
    try:
        driver = import_module("pycuda.driver")
    except ImportError as error:
        raise MissingDependency("cuda-bindings", extra="tensorrt") from error
    from sdfl.runtime.backends.cuda.pycuda import PyCuda

    return PyCuda(driver)


def find_bindings() -> Any | None:
    """The module `cuda.bindings.runtime`, None where it is not installed."""
    try:
        return import_module("cuda.bindings.runtime")
    except ImportError:
        return None


def read_gpu() -> Gpu:
    """GPU 0. Raises MissingDependency where no package can ask, CudaError where there is none."""
    runtime = find_bindings()
    if runtime is None:
        try:
            driver = import_module("pycuda.driver")
        except ImportError as error:
            raise MissingDependency("cuda-bindings", extra="tensorrt") from error
        from sdfl.runtime.backends.cuda.pycuda import read_gpu as ask_pycuda

        return ask_pycuda(driver)
    (count,) = call(runtime, "cudaGetDeviceCount")
    if count < 1:
        raise CudaError(explain("cudaErrorNoDevice"))
    (properties,) = call(runtime, "cudaGetDeviceProperties", 0)
    (version,) = call(runtime, "cudaDriverGetVersion")
    free, _ = call(runtime, "cudaMemGetInfo")
    return Gpu(
        name=bytes(properties.name).split(b"\0")[0].decode(errors="replace"),
        compute_capability=f"{properties.major}.{properties.minor}",
        driver=cuda_version(version),
        free_mb=free // 2**20,
        integrated=bool(properties.integrated),
    )


def cuda_version(number: int) -> str:
    """12060 -> "12.6"."""
    return f"{number // 1000}.{number % 1000 // 10}"
