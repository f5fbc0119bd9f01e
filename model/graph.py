"""The landmark graph: who is whose neighbour, mined from a training set (paper section III.B, eq. 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sdfl.core import require_shape
from sdfl.errors import ConfigError


def correlation(points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """points: (M, N, 2) landmarks of M pictures in their evaluation crops. Returns C (N, N), 0..1 (eq. 1)."""
    require_shape("points", points, ("M", "N", 2))
    with np.errstate(invalid="ignore", divide="ignore"):  # a coordinate that never moves correlates with nothing
        x, y = (np.nan_to_num(np.corrcoef(points[:, :, axis].T.astype(np.float64))) for axis in (0, 1))
    return np.asarray((np.abs(x) + np.abs(y)) / 2)


def nearest_neighbours(matrix: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.int32]:
    """The k + 1 largest entries of each row of C (eq. 2): (N, k + 1) indices, the node itself first, then by falling
    correlation. Raises ConfigError unless 1 <= k < N."""
    count = len(matrix)
    if not 1 <= k < count:
        raise ConfigError(f"model.neighbours must lie in 1..{count - 1}, got {k}")
    with_self_first = matrix + np.eye(count)
    return np.argsort(-with_self_first, axis=1, kind="stable")[:, : k + 1].astype(np.int32)


@dataclass(frozen=True, eq=False)
class LandmarkGraph:
    """neighbours: (N, K) int32, column 0 the node itself. mean_shape: (N, 2) float32, 0..1 of the crop's side."""

    neighbours: Tensor
    mean_shape: Tensor

    @classmethod
    def from_points(cls, points: npt.NDArray[np.floating], k: int) -> LandmarkGraph:
        """points: (M, N, 2) in evaluation crops, 0..1 of the side."""
        neighbours = nearest_neighbours(correlation(points), k)
        return cls(torch.from_numpy(neighbours), torch.from_numpy(points.mean(axis=0).astype(np.float32)))

    @classmethod
    def placeholder(cls, num_points: int, k: int) -> LandmarkGraph:
        """Right shapes, no content: to be filled from a checkpoint."""
        return cls(torch.zeros(num_points, k + 1, dtype=torch.int32), torch.full((num_points, 2), 0.5))
