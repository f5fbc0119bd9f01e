"""Which pictures an epoch shows, in which order. An epoch depends on its number and the seed alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from sdfl.train.data.pose_balance import draw

Key = tuple[int, ...]  # epoch, position in the epoch, and what else a dataset needs


class EpochSampler(Sampler[Key]):
    """Gives the keys (epoch, position) of one epoch, split over processes.

    Attributes:
        epoch: number of the epoch; set it before iterating.
        skip: how many of this process's keys are left out at the start, to go on within an epoch.
    """

    def __init__(self, count: int, *, rank: int = 0, ranks: int = 1) -> None:
        """Start at the first epoch.

        Args:
            count: pictures of an epoch in all processes.
            rank: number of this process.
            ranks: how many processes there are.
        """
        self.epoch = 0
        self.skip = 0
        self._count, self._rank, self._ranks = count, rank, ranks

    def __len__(self) -> int:
        return self._count // self._ranks

    def positions(self) -> range:
        """This process's positions in the epoch."""
        return range(self._rank + self.skip * self._ranks, len(self) * self._ranks, self._ranks)

    def __iter__(self) -> Iterator[Key]:
        for position in self.positions():
            yield self.epoch, position


class WeightedSampler(EpochSampler):
    """Gives the keys (epoch, position, index of the sample); samples with a larger weight come more often."""

    def __init__(
        self, weights: npt.NDArray[np.float64], seed: int, count: int | None = None, *, rank: int = 0, ranks: int = 1
    ) -> None:
        """Start at the first epoch.

        Args:
            weights: (M,) of the samples.
            seed: decides, with the epoch's number, which samples are drawn in which order.
            count: keys of an epoch; M by default.
            rank: number of this process.
            ranks: how many processes there are.
        """
        super().__init__(len(weights) if count is None else count, rank=rank, ranks=ranks)
        self._weights, self._seed = weights, seed

    def __iter__(self) -> Iterator[Key]:
        rng = np.random.default_rng([self._seed, self.epoch])
        indices = draw(self._weights, self._count, rng)
        for position in self.positions():
            yield self.epoch, position, int(indices[position])
