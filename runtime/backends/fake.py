"""A back end without a network, for tests and for trying the live part without a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.checks import require_shape
from sdfl.runtime.backends.base import Closable, check_crops
from sdfl.types import FloatArray, Image, Prediction

Network = Callable[[Image], tuple[FloatArray, float]]


class FakeBackend(Closable):
    """A `Backend` that gives the points it was told.

    Args:
        spec: what it says about itself.
        points: (N, 2) crop px for every crop, or a function of a crop (S, S, 3) that gives points (N, 2) crop px and
            presence 0..1.

    Attributes:
        batches: the size of every batch that it was given.
    """

    def __init__(self, spec: ModelSpec, points: FloatArray | Network) -> None:
        super().__init__()
        self.spec = spec
        self.batches: list[int] = []
        self._network: Network = points if callable(points) else lambda _: (points, 1.0)

    def infer(self, crops: Image) -> Prediction:
        """The told points for each of `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ClosedError: the back end was closed.
        """
        with self._lock:
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
