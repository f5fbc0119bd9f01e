"""Generated test vectors of `sdfl::SparseGraphConv`, the same for every implementation.

`python tests/helpers/operator_vectors.py vectors.npz` writes them, `vectors.bin` for programs in C++; the same file
comes out every time.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.floating[Any]]  # float32 or float16
FIELDS = ("z", "attention", "neighbours", "bias", "slope")


@dataclass(frozen=True)
class Case:
    """Sizes as in the contract, B M N K C. kind: how neighbours and attention are drawn, see `draw`."""

    batch: int
    sources: int
    nodes: int
    neighbours: int
    channels: int
    slope: float
    dtype: str = "float32"
    kind: str = "random"

    @property
    def name(self) -> str:
        sizes = f"B{self.batch} M{self.sources} N{self.nodes} K{self.neighbours} C{self.channels}"
        return f"{self.kind} {self.dtype} {sizes} slope {self.slope:g}"


CASES = (
    Case(1, 98, 98, 4, 128, 0),  # a hidden layer
    Case(1, 98, 98, 4, 2, 1),  # the last layer
    Case(1, 196, 98, 8, 128, 0, kind="padded"),  # self and neighbour rows
    Case(7, 98, 98, 4, 128, 0),
    Case(7, 68, 68, 4, 131, 0.1),
    Case(7, 136, 68, 6, 64, 0),
    Case(7, 29, 29, 29, 64, 0.1),  # every node a neighbour
    Case(1, 98, 98, 98, 64, 0),
    Case(1, 58, 29, 5, 3, 1, kind="repeated"),
    Case(1, 68, 68, 7, 131, 0, kind="repeated"),
    Case(7, 98, 98, 3, 1, 0, kind="padded"),
    Case(7, 2, 1, 2, 3, 0.1),
    Case(1, 1, 1, 1, 1, 1),
    Case(1, 1, 1, 1, 128, 0),
    Case(1, 29, 29, 2, 2, 0.1),
    Case(0, 98, 98, 4, 128, 0),  # no face found
    Case(1, 98, 98, 4, 128, 0, "float16"),
    Case(1, 196, 98, 8, 128, 1, "float16", "padded"),
    Case(7, 68, 68, 6, 131, 0.1, "float16"),
    Case(7, 29, 29, 29, 64, 0, "float16"),
    Case(1, 136, 68, 3, 2, 1, "float16", "repeated"),
    Case(7, 1, 1, 1, 1, 0, "float16"),
    Case(0, 29, 29, 4, 3, 1, "float16"),
    Case(7, 98, 98, 4, 131, 0, "float32", "nan"),  # must not crash; the values are free
    Case(1, 68, 68, 4, 128, 0.1, "float16", "nan"),
)


@dataclass(frozen=True, eq=False)
class Vector:
    """Inputs of one call, and what the formula gives for them in float64."""

    name: str
    z: Floats  # (B, M, C)
    attention: Floats  # (B, N, K)
    neighbours: npt.NDArray[np.int32]  # (N, K)
    bias: Floats  # (C,)
    slope: float

    @property
    def truth(self) -> npt.NDArray[np.float64]:
        """y: (B, N, C)."""
        gathered = self.z[:, self.neighbours]
        x: npt.NDArray[np.float64] = np.einsum("bnk,bnkc->bnc", self.attention, gathered, dtype=np.float64) + self.bias
        with np.errstate(invalid="ignore"):  # 0 * inf of the vectors that hold infinity
            return np.where(x >= 0, x, self.slope * x)

    @property
    def scale(self) -> npt.NDArray[np.float64]:
        """(B, N, C): the sum of the magnitudes that make up y. Rounding errors grow with it, not with y."""
        terms = np.abs(self.attention, dtype=np.float64), np.abs(self.z[:, self.neighbours], dtype=np.float64)
        total: npt.NDArray[np.float64] = np.einsum("bnk,bnkc->bnc", *terms) + np.abs(self.bias, dtype=np.float64)
        return total

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.z).all() and np.isfinite(self.attention).all())


def draw(case: Case) -> Vector:
    """Neighbours come unsorted from all M rows. repeated: from two rows only. padded: the last K // 2 of a row are the
    node itself with attention 0, and attention is 0.0 or -0.0 there. nan: NaN and infinity in z and attention."""
    random = np.random.default_rng(zlib.crc32(case.name.encode()))
    z = random.normal(0, 2, (case.batch, case.sources, case.channels))
    logits = random.normal(0, 1, (case.batch, case.nodes, case.neighbours))
    attention = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    choices = min(2, case.sources) if case.kind == "repeated" else case.sources
    neighbours = random.integers(case.sources - choices, case.sources, (case.nodes, case.neighbours))
    if case.kind == "padded":
        padding = case.neighbours // 2
        step = case.sources // case.nodes
        neighbours[:, -padding:] = step * np.arange(case.nodes)[:, None]
        attention[:, :, -padding:] = np.where(np.arange(case.nodes) % 2, 0.0, -0.0)[:, None]
    if case.kind == "nan":
        z[:, ::5], z[:, 1::7] = np.nan, np.inf
        attention[:, ::11] = np.nan
    bias = random.normal(0, 1, case.channels)
    floats = (array.astype(case.dtype) for array in (z, attention, bias))
    z, attention, bias = floats
    return Vector(case.name, z, attention, neighbours.astype(np.int32), bias, float(np.float32(case.slope)))


def write(path: Path) -> None:
    """All CASES into one .npz, arrays named `<case>/<field>`."""
    arrays: dict[str, Any] = {
        f"{case.name}/{field}": np.asarray(getattr(draw(case), field)) for case in CASES for field in FIELDS
    }
    np.savez(path, **arrays)


def read(path: Path) -> dict[str, Vector]:
    """The vectors of the file `path` by name."""
    with np.load(path) as file:
        return {case.name: _read_one(file, case.name) for case in CASES}


def _read_one(file: Mapping[str, npt.NDArray[Any]], name: str) -> Vector:
    z, attention, neighbours, bias, slope = (file[f"{name}/{field}"] for field in FIELDS)
    return Vector(name, z, attention, neighbours, bias, float(slope))


def write_binary(path: Path) -> None:
    """The same for a C++ program: a count, then a vector's is_half B M N K C (int32), slope (float32) and arrays."""
    with path.open("wb") as file:
        file.write(np.int32(len(CASES)).tobytes())
        for case in CASES:
            vector = draw(case)
            sizes = (case.batch, case.sources, case.nodes, case.neighbours, case.channels)
            file.write(np.array([case.dtype == "float16", *sizes], np.int32).tobytes())
            file.write(np.float32(vector.slope).tobytes())
            for array in (vector.z, vector.attention, vector.neighbours, vector.bias):
                file.write(array.tobytes())


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    (write_binary if target.suffix == ".bin" else write)(target)
