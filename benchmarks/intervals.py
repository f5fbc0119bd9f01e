"""95 % bootstrap intervals, with a fixed seed so that a report says the same twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
SAMPLES = 2000
SEED = 0


def bootstrap_interval(values: Floats, statistic: Callable[[Floats], Floats]) -> tuple[float, float]:
    """The interval of any statistic.

    Args:
        values: (M, ...), of which rows are drawn with replacement.
        statistic: maps SAMPLES such draws, (SAMPLES, M, ...), to (SAMPLES,).

    Returns:
        The 2.5th and the 97.5th percentile.
    """
    drawn = np.random.default_rng(SEED).integers(0, len(values), (SAMPLES, len(values)))
    low, high = np.percentile(statistic(values[drawn]), [2.5, 97.5])
    return float(low), float(high)


def undisturbed(times_ms: Sequence[float]) -> float:
    """The 10th percentile of a round's times: that of a run which no other process interrupted. Ratios compare it."""
    return float(np.percentile(times_ms, 10))


def median_interval(values: Floats) -> tuple[float, float]:
    """The interval of the median of (M,) values."""
    return bootstrap_interval(np.asarray(values), lambda drawn: np.median(drawn, axis=1))


def mean_interval(values: Floats) -> tuple[float, float]:
    """The interval of the mean of (M,) values, over those that are not NaN."""
    found = np.asarray(values)
    return bootstrap_interval(found[~np.isnan(found)], lambda drawn: drawn.mean(axis=1))
