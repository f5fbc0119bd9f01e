"""Every implementation of `sdfl::SparseGraphConv` as one row: how to run a vector, and how far it may stray and why.

To add one, write a function from a Vector to y (B, N, C) and a row in IMPLEMENTATIONS.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from one_node import one_node
from operator_call import CPU_ENTRY, call
from operator_on_gpu import Run, cuda_kernel, tensorrt_plugin
from operator_vectors import Floats, Vector

Request = pytest.FixtureRequest


@dataclass(frozen=True)
class Implementation:
    """open: makes the function that runs a vector, or skips. Errors are counted in machine epsilons of the vector's own
    type, times the sum of the magnitudes that make up a value."""

    name: str
    open: Callable[[Request], Run]
    float32: float
    float16: float
    reason: str
    marks: tuple[pytest.MarkDecorator, ...] = ()


def epsilons(implementation: Implementation, vector: Vector, y: Floats) -> tuple[float, float]:
    """The largest error of `y` in epsilons, and how many are allowed; a value that is free counts as 0."""
    assert y.shape == vector.truth.shape
    kind = np.dtype(vector.z.dtype)
    allowed = float(getattr(implementation, kind.name))
    if not vector.is_finite:
        return 0.0, allowed
    unit = allowed * np.finfo(kind).eps * vector.scale + float(np.finfo(kind).smallest_subnormal)
    return float(np.max(np.abs(y - vector.truth) / unit, initial=0) * allowed), allowed


def dense_matrix(_: Request) -> Run:
    """The paper's own form, a full (N, M) adjacency matrix, in float64."""

    def run(vector: Vector) -> Floats:
        batch, nodes, _ = vector.attention.shape
        adjacency = np.zeros((batch, nodes, vector.z.shape[1]))
        for k in range(vector.neighbours.shape[1]):
            adjacency[:, np.arange(nodes), vector.neighbours[:, k]] += vector.attention[:, :, k]
        with np.errstate(invalid="ignore"):
            x = adjacency @ vector.z.astype(np.float64) + vector.bias
        return np.maximum(x, 0) + vector.slope * np.minimum(x, 0)

    return run


def torch_with(function: str) -> Callable[[Request], Run]:
    def open_torch(_: Request) -> Run:
        torch = pytest.importorskip("torch", reason="torch is not installed")
        from sdfl.model.landmarks import sparse_graph_conv as operator

        def run(vector: Vector) -> Floats:
            arrays = (vector.z, vector.attention, vector.neighbours, vector.bias)
            y: Floats = getattr(operator, function)(*map(torch.from_numpy, arrays), vector.slope).numpy()
            return y

        return run

    return open_torch


def onnxruntime_function(_: Request) -> Run:
    import onnxruntime

    def run(vector: Vector) -> Floats:
        session = onnxruntime.InferenceSession(one_node(vector).SerializeToString(), providers=["CPUExecutionProvider"])
        y: Floats = session.run(["y"], {"z": vector.z, "attention": vector.attention})[0]
        return y

    return run


def onnxruntime_dense(_: Request) -> Run:
    """What `sdfl export --inline` writes: standard operators without a gather."""
    import onnxruntime

    from sdfl.convert.export.dense_form import to_dense

    def run(vector: Vector) -> Floats:
        content = to_dense(one_node(vector)).SerializeToString()
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        y: Floats = session.run(["y"], {"z": vector.z, "attention": vector.attention})[0]
        return y

    return run


def openvino_with(extension: Any) -> Run:
    """Through the ONNX reader, so that the whole way from file to result is tested."""
    import openvino

    def run(vector: Vector) -> Floats:
        core = openvino.Core()
        core.add_extension(extension)
        model = core.read_model(one_node(vector).SerializeToString())
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.array(compiled({"z": vector.z, "attention": vector.attention})["y"])

    return run


def openvino_conversion(_: Request) -> Run:
    from sdfl.runtime.backends.openvino.operator import standard_operators

    return openvino_with(standard_operators())


def openvino_extension(request: Request) -> Run:
    return openvino_with(str(request.getfixturevalue("native").extension))


def cpu_reference(request: Request) -> Run:
    library = ctypes.CDLL(str(request.getfixturevalue("native").reference))

    def run(vector: Vector) -> Floats:
        batch, nodes, _ = vector.attention.shape
        y = np.full((batch, nodes, vector.z.shape[2]), np.nan, vector.z.dtype)
        arrays = [vector.z, vector.attention, vector.neighbours, vector.bias, y]
        call(library, CPU_ENTRY, vector, [array.ctypes.data for array in arrays])
        return y

    return run


FLOAT_SUMS = "sums of up to 98 floats in any order, half an epsilon a step, of random sign"
ONE_ROUNDING = f"{FLOAT_SUMS}; half only where the result is rounded once"
IMPLEMENTATIONS = (
    Implementation("numpy, dense matrix", dense_matrix, 1e-6, 1e-6, "float64 throughout, as the truth is"),
    Implementation(
        "torch, formula", torch_with("sparse_graph_conv_reference"), 4, 2, f"{FLOAT_SUMS}; half rounds each product"
    ),
    Implementation("torch, operator", torch_with("sparse_graph_conv"), 4, 2, f"{FLOAT_SUMS}; half rounds each product"),
    Implementation(
        "ONNX Runtime, function", onnxruntime_function, 4, 2, f"{FLOAT_SUMS}; half rounds between its nodes"
    ),
    Implementation(
        "ONNX Runtime, dense product", onnxruntime_dense, 4, 2, f"{FLOAT_SUMS}; half rounds between its nodes"
    ),
    Implementation("OpenVINO, standard operators", openvino_conversion, 4, 0.51, ONE_ROUNDING),
    Implementation("OpenVINO, extension", openvino_extension, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.native,)),
    Implementation("CPU reference", cpu_reference, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.native,)),
    Implementation("CUDA kernel", cuda_kernel(graph=False), 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.gpu,)),
    Implementation("CUDA kernel, CUDA graph", cuda_kernel(graph=True), 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.gpu,)),
    Implementation("TensorRT, plugin", tensorrt_plugin, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.gpu,)),
)
