"""The landmark graph: who is whose neighbour, mined from a training set (paper section III.B, eq. 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sdfl.checks import require_shape
from sdfl.errors import ConfigError


def correlation(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """How strongly landmarks move together (eq. 1).

    Args:
        points: (M, N, 2), landmarks of M pictures in their evaluation crops.

    Returns:
        C (N, N), 0..1.
    """
    require_shape("points", points, ("M", "N", 2))
    with np.errstate(invalid="ignore", divide="ignore"):  # a coordinate that never moves correlates with nothing
        x, y = (np.nan_to_num(np.corrcoef(points[:, :, axis].T.astype(np.float64))) for axis in (0, 1))
    return np.asarray((np.abs(x) + np.abs(y)) / 2)


def joint_correlation(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The alternative of section IV.E: one coefficient from both axes. The paper gives no formula for it.

    It is |sum_m <p_i - mean, p_j - mean>| over the product of both norms.

    Args:
        points: (M, N, 2), landmarks of M pictures in their evaluation crops.

    Returns:
        C (N, N), 0..1.
    """
    require_shape("points", points, ("M", "N", 2))
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    flat = centred.transpose(1, 0, 2).reshape(points.shape[1], -1)
    norm = np.linalg.norm(flat, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.abs(np.nan_to_num(flat @ flat.T / np.outer(norm, norm))))


CORRELATIONS = {"separate": correlation, "joint": joint_correlation}


def symmetrise(neighbours: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Add the reverse of every edge, as the released code does.

    Args:
        neighbours: (N, K), column 0 the node itself.

    Returns:
        (N, K'), where K' is the length of the longest row. Shorter rows are padded with the own index, which the head
        gives the weight 0; column 0 stays the node itself.
    """
    count = len(neighbours)
    matrix = np.zeros((count, count), dtype=bool)
    matrix[np.arange(count)[:, None], neighbours] = True
    matrix |= matrix.T
    np.fill_diagonal(matrix, False)
    rows = [np.flatnonzero(row) for row in matrix]
    out = np.repeat(np.arange(count, dtype=np.int32)[:, None], 1 + max(map(len, rows)), axis=1)
    for own, row in enumerate(rows):
        out[own, 1 : 1 + len(row)] = row
    return out


def is_edge(neighbours: Tensor) -> Tensor:
    """Tell edges from padding.

    Args:
        neighbours: (N, K) of `symmetrise`.

    Returns:
        (N, K) bool, False for the padding of short rows.
    """
    own = torch.arange(len(neighbours), device=neighbours.device).unsqueeze(1)
    edges = neighbours != own
    edges[:, 0] = True
    return edges


def nearest_neighbours(matrix: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int32]:
    """The k + 1 largest entries of each row of C (eq. 2).

    Args:
        matrix: C (N, N).
        k: number of neighbours.

    Returns:
        (N, k + 1) int32: the node itself, then its neighbours by falling correlation.

    Raises:
        ConfigError: k is not in 1..N - 1.
    """
    count = len(matrix)
    if not 1 <= k < count:
        raise ConfigError(f"model.neighbours must lie in 1..{count - 1}, got {k}")
    with_self_first = matrix + np.eye(count)
    return np.argsort(-with_self_first, axis=1, kind="stable")[:, : k + 1].astype(np.int32)


@dataclass(frozen=True, eq=False)
class LandmarkGraph:
    """Who is whose neighbour, and where landmarks are on average.

    Attributes:
        neighbours: (N, K) int32, column 0 the node itself, which also pads short rows.
        mean_shape: (N, 2) float32, 0..1 of the crop's side.
        nearest: (N, k + 1) int32, the rows of eq. 2 before reverse edges were added; None where none were.
    """

    neighbours: Tensor
    mean_shape: Tensor
    nearest: Tensor | None = None

    @classmethod
    def from_points(
        cls, points: npt.NDArray[np.floating], k: int, *, how: str = "separate", symmetric: bool = False
    ) -> LandmarkGraph:
        """Mine the graph from a training set.

        Args:
            points: (M, N, 2) in evaluation crops, 0..1 of the side.
            k: number of neighbours.
            how: one of CORRELATIONS.
            symmetric: whether edges go both ways.

        Raises:
            ConfigError: k is not in 1..N - 1.
        """
        rows = nearest_neighbours(CORRELATIONS[how](points), k)
        nearest, mean_shape = torch.from_numpy(rows), torch.from_numpy(points.mean(axis=0).astype(np.float32))
        if symmetric:
            return cls(torch.from_numpy(symmetrise(rows)), mean_shape, nearest)
        return cls(nearest, mean_shape)

    @classmethod
    def placeholder(cls, num_points: int, k: int) -> LandmarkGraph:
        """A graph of the right shapes without content, to be filled from a checkpoint.

        Args:
            num_points: N.
            k: number of neighbours.
        """
        return cls(torch.zeros(num_points, k + 1, dtype=torch.int32), torch.full((num_points, 2), 0.5))
