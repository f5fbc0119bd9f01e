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
from operator_vectors import Floats, Vector

Run = Callable[[Vector], Floats]
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


class Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("batch", "sources", "nodes", "neighbours", "channels")]

    @classmethod
    def of(cls, vector: Vector) -> Sizes:
        return cls(*vector.z.shape[:2], *vector.neighbours.shape, vector.z.shape[2])


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
        call(library, "sparse_graph_conv_cpu", vector, [array.ctypes.data for array in arrays])
        return y

    return run


def cuda_kernel(request: Request) -> Run:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("no NVIDIA GPU")
    library = ctypes.CDLL(str(request.getfixturevalue("cuda_library")))

    def run(vector: Vector) -> Floats:
        arrays = [vector.z, vector.attention, vector.neighbours, vector.bias]
        tensors = [torch.from_numpy(array).cuda() for array in arrays]
        batch, nodes, _ = vector.attention.shape
        tensors.append(torch.full((batch, nodes, vector.z.shape[2]), torch.nan, dtype=tensors[0].dtype, device="cuda"))
        torch.cuda.synchronize()
        status = call(library, "sparse_graph_conv_cuda", vector, [tensor.data_ptr() for tensor in tensors], None)
        assert status == 0, f"CUDA error {status}"
        y: Floats = tensors[-1].cpu().numpy()
        return y

    return run


def call(library: ctypes.CDLL, name: str, vector: Vector, pointers: list[int], *stream: None) -> int:
    entry = library[name + ("_f16" if vector.z.dtype == np.float16 else "_f32")]
    pointer_types = [ctypes.c_void_p] * len(pointers)
    entry.argtypes = [*pointer_types, Sizes, ctypes.c_float, *[ctypes.c_void_p for _ in stream]]
    status: int = entry(*pointers, Sizes.of(vector), vector.slope, *stream)
    return status


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
    Implementation("OpenVINO, standard operators", openvino_conversion, 4, 0.51, ONE_ROUNDING),
    Implementation("OpenVINO, extension", openvino_extension, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.native,)),
    Implementation("CPU reference", cpu_reference, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.native,)),
    Implementation("CUDA kernel", cuda_kernel, 4, 0.51, ONE_ROUNDING, marks=(pytest.mark.gpu,)),
)
