"""GPU memory by `pycuda`, which many Jetson images bring. It has no CUDA graphs, so work is enqueued each time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.passport import Gpu
from sdfl.runtime.backends.cuda.interface import Buffer, CudaError, Enqueue, Replay, cuda_version, explain


class PyCuda:
    """A `Cuda` that enqueues its work anew each time.

    Args:
        driver: the module `pycuda.driver`.

    Raises:
        CudaError: there is no usable GPU.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        with _errors(driver):
            driver.init()
            self._context = driver.Device(0).retain_primary_context()
        with self._current():
            self._stream = driver.Stream()
        self._devices: list[Any] = []

    def buffer(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Buffer:
        """Allocate memory for a tensor; see `Cuda`."""
        kind = np.dtype(dtype)
        size = max(1, math.prod(shape) * kind.itemsize)  # CUDA allocates nothing empty
        with self._current():
            memory = self._driver.pagelocked_empty((size,), np.uint8)
            device = self._driver.mem_alloc(size)
        self._devices.append(device)
        return Buffer(np.frombuffer(memory, kind, count=math.prod(shape)).reshape(shape), int(device))

    def record(self, inputs: Sequence[Buffer], outputs: Sequence[Buffer], enqueue: Enqueue) -> Replay:
        """Run some work once, so that it can be repeated; see `Cuda`."""

        def run() -> None:
            with self._current():
                for buffer in inputs:
                    self._driver.memcpy_htod_async(buffer.address, buffer.host, self._stream)
                if not enqueue(int(self._stream.handle)):
                    raise CudaError("the GPU did not take the work")
                for buffer in outputs:
                    self._driver.memcpy_dtoh_async(buffer.host, buffer.address, self._stream)
                self._stream.synchronize()

        run()
        return Replay(run)

    def close(self) -> None:
        """Free the memory of the GPU and let go of its context."""
        with self._current():
            while self._devices:
                self._devices.pop().free()
        self._context.detach()

    @contextmanager
    def _current(self) -> Iterator[None]:
        """Make the GPU's primary context, which TensorRT uses too, the current one of this thread."""
        with _errors(self._driver):
            self._context.push()
            try:
                yield
            finally:
                self._context.pop()


def read_gpu(driver: Any) -> Gpu:
    """What GPU 0 is.

    Args:
        driver: the module `pycuda.driver`.

    Raises:
        CudaError: there is none.
    """
    with _errors(driver):
        driver.init()
        if driver.Device.count() < 1:
            raise CudaError(explain("cudaErrorNoDevice"))
        device = driver.Device(0)
        context = device.retain_primary_context()
        context.push()
        try:
            free, _ = driver.mem_get_info()
        finally:
            context.pop()
            context.detach()
        major, minor = device.compute_capability()
        integrated = bool(device.get_attribute(driver.device_attribute.INTEGRATED))
        return Gpu(
            device.name(), f"{major}.{minor}", cuda_version(driver.get_driver_version()), free // 2**20, integrated
        )


@contextmanager
def _errors(driver: Any) -> Iterator[None]:
    try:
        yield
    except driver.Error as error:
        raise CudaError(explain(f"pycuda: {error}")) from error
