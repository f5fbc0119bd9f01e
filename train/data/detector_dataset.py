"""Composed pictures as tensors. Every one depends on (seed, epoch, position) alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from sdfl.datasets import Sample
from sdfl.train.data.canvas import ComposeConfig
from sdfl.train.data.detector_pictures import Source, load_source
from sdfl.train.data.face_composition import compose
from sdfl.train.data.samplers import Key
from sdfl.types import FloatArray

MOST_FACES = 24  # of a picture, unknown regions included


class ComposedDataset(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """Composed pictures as tensors.

    Items: image (S, S, 3) uint8, boxes (MOST_FACES, 4), points (MOST_FACES, 5, 2), kind (MOST_FACES,), see
    `sdfl.model.detector.losses.Targets`. chances: how likely each sample is drawn. others: of `further_faces`.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        others: Sequence[FloatArray],
        chances: FloatArray,
        config: ComposeConfig,
        *,
        seed: int,
    ) -> None:
        self._samples, self._others, self._config, self._seed = list(samples), list(others), config, seed
        self._bounds = np.cumsum(chances / chances.sum())
        self._cache: dict[int, Source] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, key: Key) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self._seed, *key])
        made = compose(lambda: self._pick(rng), self._pick(rng), self._config, rng)
        count = min(len(made.kind), MOST_FACES)
        boxes = np.zeros((MOST_FACES, 4), np.float32)
        points = np.zeros((MOST_FACES, 5, 2), np.float32)
        kind = np.zeros(MOST_FACES, np.int64)
        boxes[:count], points[:count], kind[:count] = made.boxes[:count], made.points[:count], made.kind[:count]
        return torch.from_numpy(made.image), torch.from_numpy(boxes), torch.from_numpy(points), torch.from_numpy(kind)

    def _pick(self, rng: np.random.Generator) -> Source:
        index = min(int(np.searchsorted(self._bounds, rng.random())), len(self._samples) - 1)
        if index not in self._cache:
            self._cache[index] = load_source(self._samples[index], self._others[index])
        return self._cache[index]
