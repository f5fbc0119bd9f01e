"""The GPU by what is installed: `cuda-bindings`, or `pycuda` where a Jetson image brings that."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sdfl.artifacts.passport import Gpu
from sdfl.errors import MissingDependency
from sdfl.runtime.backends.cuda import cuda_bindings, pycuda
from sdfl.runtime.backends.cuda.interface import Cuda


def open_cuda(*, graphs: bool = True) -> Cuda:
    """A stream of GPU 0.

    Args:
        graphs: replay work as a CUDA graph where the package can; False enqueues it each time.

    Raises:
        MissingDependency: neither package is installed.
        CudaError: there is no usable GPU.
    """
    runtime = _find_bindings()
    return pycuda.PyCuda(_load_pycuda()) if runtime is None else cuda_bindings.CudaBindings(runtime, graphs=graphs)


def read_gpu() -> Gpu:
    """What GPU 0 is.

    Raises:
        MissingDependency: neither package is installed.
        CudaError: there is no usable GPU.
    """
    runtime = _find_bindings()
    return pycuda.read_gpu(_load_pycuda()) if runtime is None else cuda_bindings.read_gpu(runtime)


def _find_bindings() -> Any | None:
    """The module `cuda.bindings.runtime`, None where it is not installed."""
    try:
        return import_module("cuda.bindings.runtime")
    except ImportError:
        return None


def _load_pycuda() -> Any:
    try:
        return import_module("pycuda.driver")
    except ImportError as error:
        raise MissingDependency("cuda-bindings", extra="tensorrt") from error
