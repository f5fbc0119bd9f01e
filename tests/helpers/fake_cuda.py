"""`cuda.bindings.runtime` and `pycuda.driver` without a GPU: memory of the host stands for that of the device.

Only what the project calls is there; tests/convert/engines/test_fakes.py holds the names against the real packages.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any

import numpy as np


class Error(Enum):
    cudaSuccess = 0  # noqa: N815
    cudaErrorMemoryAllocation = 2  # noqa: N815
    cudaErrorInsufficientDriver = 35  # noqa: N815
    cudaErrorNoDevice = 100  # noqa: N815
    cudaErrorNoKernelImageForDevice = 209  # noqa: N815
    cudaErrorStreamCaptureUnsupported = 900  # noqa: N815


class FakeCuda:
    """Counts what is allocated, launched and freed. fails: name of a function -> the error it gives."""

    cudaError_t = Error  # noqa: N815
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice="h2d", cudaMemcpyDeviceToHost="d2h")  # noqa: N815
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal="thread")  # noqa: N815
    cudaStreamNonBlocking = 1  # noqa: N815
    cudaHostAllocDefault = 0  # noqa: N815

    def __init__(self, name: str = "Orin", capability: tuple[int, int] = (8, 7), version: int = 12060) -> None:
        self.name, self.capability, self.version = name, capability, version
        self.fails: dict[str, Error] = {}
        self.memory: dict[int, Any] = {}
        self.counts: dict[str, int] = {}
        self.captured: list[Callable[[], object]] | None = None
        self.broken = False  # something that no graph can hold was captured

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if not name.startswith("cuda") or not callable(value) or isinstance(value, type):
            return value

        def counted(*arguments: Any) -> tuple[Any, ...]:
            self.counts[name] = self.counts.get(name, 0) + 1
            return (self.fails[name], None) if name in self.fails else value(*arguments)

        return counted

    def enqueue(self, stream: int, work: Callable[[], object], *, capturable: bool = True) -> bool:
        """What a library puts into a stream."""
        assert stream == 7
        if self.captured is None:
            work()
        elif capturable:
            self.captured.append(work)
        else:
            self.broken = True
        return capturable or self.captured is None

    def cudaGetDeviceCount(self) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, 1

    def cudaGetDeviceProperties(self, device: int) -> tuple[Any, ...]:  # noqa: N802
        major, minor = self.capability
        return Error.cudaSuccess, SimpleNamespace(
            name=self.name.encode() + b"\0" * 8, major=major, minor=minor, integrated=1
        )

    def cudaDriverGetVersion(self) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, self.version

    def cudaMemGetInfo(self) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, 2048 << 20, 7600 << 20

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, 7

    def cudaStreamSynchronize(self, stream: int) -> tuple[Any, ...]:  # noqa: N802
        assert self.captured is None, "waiting is not allowed while a graph is captured"
        return (Error.cudaSuccess,)

    def cudaStreamDestroy(self, stream: int) -> tuple[Any, ...]:  # noqa: N802
        return (Error.cudaSuccess,)

    def cudaHostAlloc(self, size: int, flags: int) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, self._allocate(size)

    def cudaMalloc(self, size: int) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, self._allocate(size)

    def cudaFreeHost(self, address: int) -> tuple[Any, ...]:  # noqa: N802
        self.memory.pop(address)
        return (Error.cudaSuccess,)

    def cudaFree(self, address: int) -> tuple[Any, ...]:  # noqa: N802
        self.memory.pop(address)
        return (Error.cudaSuccess,)

    def cudaMemcpyAsync(self, target: int, source: int, size: int, kind: str, stream: int) -> tuple[Any, ...]:  # noqa: N802
        self.enqueue(stream, lambda: ctypes.memmove(target, source, size))
        return (Error.cudaSuccess,)

    def cudaStreamBeginCapture(self, stream: int, mode: str) -> tuple[Any, ...]:  # noqa: N802
        self.captured = []
        return (Error.cudaSuccess,)

    def cudaStreamEndCapture(self, stream: int) -> tuple[Any, ...]:  # noqa: N802
        graph, self.captured = self.captured, None
        return (Error.cudaErrorStreamCaptureUnsupported, None) if self.broken else (Error.cudaSuccess, graph)

    def cudaGetLastError(self) -> tuple[Any, ...]:  # noqa: N802
        self.broken = False
        return (Error.cudaSuccess,)

    def cudaGraphInstantiate(self, graph: Any, flags: int) -> tuple[Any, ...]:  # noqa: N802
        return Error.cudaSuccess, list(graph)

    def cudaGraphDestroy(self, graph: Any) -> tuple[Any, ...]:  # noqa: N802
        return (Error.cudaSuccess,)

    def cudaGraphLaunch(self, executable: Any, stream: int) -> tuple[Any, ...]:  # noqa: N802
        for work in executable:
            work()
        return (Error.cudaSuccess,)

    def cudaGraphExecDestroy(self, executable: Any) -> tuple[Any, ...]:  # noqa: N802
        return (Error.cudaSuccess,)

    def _allocate(self, size: int) -> int:
        memory = ctypes.create_string_buffer(size)
        self.memory[ctypes.addressof(memory)] = memory
        return ctypes.addressof(memory)


class FakePyCuda:
    """`pycuda.driver` on the memory of a FakeCuda."""

    class Error(Exception):
        pass

    device_attribute = SimpleNamespace(INTEGRATED=18)

    def __init__(self, cuda: FakeCuda) -> None:
        self.cuda, self.depth = cuda, 0

    def init(self) -> None:
        pass

    @property
    def Device(self) -> Any:  # noqa: N802
        outer = self

        class Device:
            def __init__(self, index: int) -> None:
                self.index = index

            @staticmethod
            def count() -> int:
                return 1

            def name(self) -> str:
                return outer.cuda.name

            def compute_capability(self) -> tuple[int, int]:
                return outer.cuda.capability

            def get_attribute(self, attribute: int) -> int:
                return 1

            def retain_primary_context(self) -> Any:
                def push() -> None:
                    outer.depth += 1

                def pop() -> None:
                    outer.depth -= 1

                return SimpleNamespace(push=push, pop=pop, detach=lambda: None)

        return Device

    def Stream(self) -> Any:  # noqa: N802
        return SimpleNamespace(handle=7, synchronize=lambda: None)

    def get_driver_version(self) -> int:
        return self.cuda.version

    def mem_get_info(self) -> tuple[int, int]:
        return 2048 << 20, 7600 << 20

    def pagelocked_empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        assert np.prod(shape) > 0, "CUDA allocates nothing empty"
        return np.empty(shape, dtype)

    def mem_alloc(self, size: int) -> Any:
        assert size > 0, "CUDA allocates nothing empty"
        address, cuda = self.cuda._allocate(size), self.cuda

        class Allocation:
            def __int__(self) -> int:
                return address

            def free(self) -> None:
                cuda.memory.pop(address)

        return Allocation()

    def memcpy_htod_async(self, target: int, source: Any, stream: Any) -> None:
        assert self.depth, "no context is current in this thread"
        ctypes.memmove(target, source.ctypes.data, source.nbytes)

    def memcpy_dtoh_async(self, target: Any, source: int, stream: Any) -> None:
        ctypes.memmove(target.ctypes.data, source, target.nbytes)
