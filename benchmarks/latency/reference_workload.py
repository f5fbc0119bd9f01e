"""A fixed amount of arithmetic that has nothing to do with any model: the reference workload.

It takes its turn in every round, so that a record can say how long a model takes relative to it. That ratio stays the
same when the machine is busy or throttled, and it changes when the model itself gets slower; a ratio between two models
would not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class Peer:
    """About a millisecond of matrix products and of traffic through memory, on one thread."""

    layout = ""

    def __init__(self, options: dict[str, Any]) -> None:  # noqa: ARG002
        rng = np.random.default_rng(0)
        self._a = rng.standard_normal((256, 256)).astype(np.float32)
        self._wide = rng.standard_normal(1 << 20).astype(np.float32)
        self._room = np.empty_like(self._wide)

    def network(self, batch: int) -> Callable[[], object]:
        """The workload as a function.

        Args:
            batch: how often a call repeats it.
        """

        def run() -> None:
            for _ in range(batch):
                for _ in range(2):
                    self._a @ self._a
                np.maximum(self._wide, 0, out=self._room)

        return run
