"""Calling a C entry point of the operator, and which library holds those of the CUDA kernel."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from operator_vectors import Vector

CUDA_LIBRARY_VARIABLE = "SDFL_CUDA_LIBRARY"
CUDA_ENTRY, CPU_ENTRY = "sparse_graph_conv_cuda", "sparse_graph_conv_cpu"
TYPES = ("_f32", "_f16")


class Sizes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int32) for name in ("batch", "sources", "nodes", "neighbours", "channels")]

    @classmethod
    def of(cls, vector: Vector) -> Sizes:
        return cls(*vector.z.shape[:2], *vector.neighbours.shape, vector.z.shape[2])


def call(library: Any, name: str, vector: Vector, pointers: Sequence[int], *stream: int | None) -> int:
    """name: without the ending that stands for the type. stream: of CUDA entries alone. Returns their status."""
    entry = library[name + TYPES[vector.z.dtype == np.float16]]
    pointer_types = [ctypes.c_void_p] * len(pointers)
    entry.argtypes = [*pointer_types, Sizes, ctypes.c_float, *[ctypes.c_void_p for _ in stream]]
    status: int = entry(*pointers, Sizes.of(vector), vector.slope, *stream)
    return status


def named_cuda_library() -> ctypes.CDLL | None:
    """The library that SDFL_CUDA_LIBRARY names, None where it is not set. One that does not load fails the test."""
    named = os.environ.get(CUDA_LIBRARY_VARIABLE)
    if not named:
        return None
    try:
        library = ctypes.CDLL(str(Path(named).resolve()))
        for kind in TYPES:
            library[CUDA_ENTRY + kind]
    except (OSError, AttributeError) as error:
        pytest.fail(
            f"{CUDA_LIBRARY_VARIABLE} names {named}, which is no library of the CUDA kernel ({error}); build one as "
            "docs/reference/operator.md says, or unset the variable",
            pytrace=False,
        )
    return library
