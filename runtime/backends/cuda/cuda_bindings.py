"""GPU memory by `cuda-bindings`, NVIDIA's own Python package."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.passport import Gpu
from sdfl.runtime.backends.cuda.interface import Buffer, CudaError, Enqueue, Replay, cuda_version, explain


class CudaBindings:
    """A `Cuda` with one CUDA graph for each recorded piece of work.

    Args:
        runtime: the module `cuda.bindings.runtime`.
        graphs: False enqueues the work again each time.

    Raises:
        CudaError: there is no usable GPU.
    """

    def __init__(self, runtime: Any, *, graphs: bool = True) -> None:
        self._runtime, self._graphs = runtime, graphs
        self._freeing: list[Callable[[], Any]] = []
        (self._stream,) = self._call("cudaStreamCreateWithFlags", runtime.cudaStreamNonBlocking)
        self._freeing.append(lambda: runtime.cudaStreamDestroy(self._stream))

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate memory for a tensor; see `Cuda`."""
        kind = np.dtype(dtype)
        size = max(1, math.prod(shape) * kind.itemsize)
        (host,) = self._call("cudaHostAlloc", size, self._runtime.cudaHostAllocDefault)
        self._freeing.append(lambda: self._runtime.cudaFreeHost(host))
        (device,) = self._call("cudaMalloc", size)
        self._freeing.append(lambda: self._runtime.cudaFree(device))
        memory = (ctypes.c_uint8 * size).from_address(int(host))
        return Buffer(np.frombuffer(memoryview(memory), kind, count=math.prod(shape)).reshape(shape), int(device))

    def record(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer], enqueue: Enqueue) -> Replay:
        """Run some work once, so that it can be repeated; see `Cuda`."""

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
        graph = self._capture(work) if self._graphs else None
        if graph is None:
            return Replay(run_plainly)

        def replay() -> None:
            self._call("cudaGraphLaunch", graph, self._stream)
            wait()

        return Replay(replay, is_graph=True)

    def close(self) -> None:
        """Free everything, in the reverse order of its allocation."""
        with suppress(CudaError):
            self._call("cudaStreamSynchronize", self._stream)
        while self._freeing:
            self._freeing.pop()()

    def _capture(self, work: Callable[[], bool]) -> Any:
        """An executable graph of `work`, None where it contains something that a graph cannot hold."""
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
    """The results of one function of `cuda.bindings.runtime`.

    Raises:
        CudaError: it reports an error.
    """
    error, *results = getattr(runtime, name)(*arguments)
    if error != runtime.cudaError_t.cudaSuccess:
        raise CudaError(explain(f"{name} failed: {error.name}"))
    return tuple(results)


def read_gpu(runtime: Any) -> Gpu:
    """What GPU 0 is.

    Args:
        runtime: the module `cuda.bindings.runtime`.

    Raises:
        CudaError: there is none.
    """
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
