"""The implementations that need an NVIDIA GPU. Its memory comes from the project's own layer over CUDA, not from torch.

Each is made from pytest's request, whose fixtures `gpu` and `cuda_library` skip where something is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from one_node import INPUTS, one_node
from one_node_engine import build_one_node, plugin_form, prepare_one_node
from operator_call import CUDA_ENTRY, call
from operator_vectors import Array, Floats, Vector

from sdfl.artifacts.passport import PLUGIN_VARIABLE, Gpu
from sdfl.errors import MissingDependency, SdflError
from sdfl.runtime.backends.cuda.interface import CudaError
from sdfl.runtime.backends.cuda.open import open_cuda, read_gpu
from sdfl.runtime.backends.tensorrt.library import Log, find_plugin, load_library, load_plugin

Run = Callable[[Vector], Floats]
Work = Callable[[Sequence[int], int], int]  # addresses of the inputs and of y, a stream -> 0 where it took the work


def find_gpu() -> Gpu:
    """GPU 0; skips where there is none or nothing to reach it with."""
    try:
        return read_gpu()
    except MissingDependency as error:
        pytest.skip(f"neither cuda-bindings nor pycuda is installed: {error}")
    except CudaError as error:
        pytest.skip(f"no NVIDIA GPU can be used: {error}")


def run_on_gpu(inputs: Sequence[Array], vector: Vector, work: Work, *, graph: bool = False) -> Floats:
    """y as `work` computes it on the GPU. y is NaN before, so that what is not written is found.

    graph: the result of a CUDA graph instead; skips where the package for CUDA has none.
    """
    batch, nodes, _ = vector.attention.shape
    status = [0]
    cuda = open_cuda(graphs=graph)
    try:
        buffers = [cuda.buffer(array.shape, array.dtype) for array in inputs]
        for buffer, array in zip(buffers, inputs, strict=True):
            buffer.host[...] = array
        y = cuda.buffer((batch, nodes, vector.z.shape[2]), vector.z.dtype)
        y.host[...] = np.nan
        addresses = [buffer.address for buffer in (*buffers, y)]

        def enqueue(stream: int) -> bool:
            status[0] = work(addresses, stream)
            return status[0] == 0

        replay = cuda.record([*buffers, y], [y], enqueue)
        if graph:
            if not replay.is_graph and sys.modules.get("cuda.bindings.runtime") is None:
                pytest.skip("pycuda has no CUDA graphs; install cuda-bindings")
            assert replay.is_graph, "a CUDA graph does not hold the work"
            y.host[...] = np.nan
            replay()
        result: Floats = y.host.copy()
        return result
    except CudaError as error:
        pytest.fail(f"{error}; status {status[0]}", pytrace=False)
    finally:
        cuda.close()


def cuda_kernel(*, graph: bool) -> Callable[[pytest.FixtureRequest], Run]:
    def open_kernel(request: pytest.FixtureRequest) -> Run:
        library = request.getfixturevalue("cuda_library")

        def run(vector: Vector) -> Floats:
            def launch(addresses: Sequence[int], stream: int) -> int:
                return call(library, CUDA_ENTRY, vector, addresses, stream)

            inputs = [vector.z, vector.attention, vector.neighbours, vector.bias]
            return run_on_gpu(inputs, vector, launch, graph=graph)

        return run

    return open_kernel


def tensorrt_plugin(request: pytest.FixtureRequest) -> Run:
    """An engine of one node, which the plugin computes: parsed, built and enqueued by TensorRT."""
    try:
        plugin = find_plugin()
    except SdflError as error:
        pytest.fail(str(error), pytrace=False)
    request.getfixturevalue("gpu")
    if plugin is None:
        pytest.skip(f"{PLUGIN_VARIABLE} names no library of the plugin; build it: docs/reference/operator.md says how")
    try:
        library = load_library("tensorrt")
    except MissingDependency as error:
        pytest.skip(f"{error}; TensorRT-RTX takes no plugins")
    log = Log(library)
    load_plugin(library, log, plugin)

    def run(vector: Vector) -> Floats:
        content = build_one_node(library, log, plugin_form(one_node(vector)), vector)
        engine = prepare_one_node(library, log, content, vector)
        return run_on_gpu([getattr(vector, name) for name in INPUTS], vector, engine.enqueue)

    return run
