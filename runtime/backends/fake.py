"""A back end without a network, for tests and for trying the live part without a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.backends.base import Closable, check_crops
from sdfl.types import FloatArray, Image, Prediction, require_shape

Network = Callable[[Image], tuple[FloatArray, float]]


class FakeBackend(Closable):
    """A `Backend` that answers with `points`.

    points: (N, 2) crop px for every crop, or a function: crop (S, S, 3) -> (points (N, 2) crop px, presence 0..1).
    `batches` holds the size of every batch that was asked for.
    """

    def __init__(self, spec: ModelSpec, points: FloatArray | Network) -> None:
        self.spec = spec
        self.batches: list[int] = []
        self._network: Network = points if callable(points) else lambda _: (points, 1.0)

    def infer(self, crops: Image) -> Prediction:
        """crops: (B, S, S, 3) uint8 BGR."""
        self._require_open()
        check_crops(crops, self.spec)
        self.batches.append(len(crops))
        shape = (len(crops), self.spec.num_points)
        points, presence = np.zeros((*shape, 2), np.float32), np.zeros(len(crops), np.float32)
        for index, crop in enumerate(crops):
            seen, presence[index] = self._network(crop)
            require_shape("points", seen, (self.spec.num_points, 2))
            points[index] = seen
        return Prediction(points, presence, np.zeros(shape, np.float32))
