"""Matching the faces seen in a frame with those known, as a linear assignment (Jonker and Volgenant, 1987)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sdfl.types import FloatArray

SCALE_WEIGHT = 1.0  # twice the size costs as much as an offset of log 2 sizes


def distance(a: FloatArray, b: FloatArray) -> float:
    """How unlike two boxes are: the offset of their centres in mean sizes, plus the logarithm of the ratio of sizes.

    Args:
        a: (4,) xyxy.
        b: (4,) xyxy.
    """
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.tolist(), b.tolist()
    size_a, size_b = max(ax1 - ax0, ay1 - ay0, 1e-3), max(bx1 - bx0, by1 - by0, 1e-3)
    offset = math.hypot(ax0 + ax1 - bx0 - bx1, ay0 + ay1 - by0 - by1) / 2
    return float(2 * offset / (size_a + size_b) + SCALE_WEIGHT * abs(math.log(size_a / size_b)))


def assign(
    known: Sequence[FloatArray], seen: Sequence[FloatArray], limit: float, penalty: Sequence[float] | None = None
) -> dict[int, int]:
    """The matching with the least total distance.

    Args:
        known: (4,) xyxy boxes where known faces should be.
        seen: (4,) xyxy boxes of the faces that were seen.
        limit: largest distance of a pair.
        penalty: added to the distances of each known face, None for none.

    Returns:
        Index of a seen face -> index of the known face that it is.
    """
    if not known or not seen:
        return {}
    import lap  # needed only where two faces meet, which they never do in most videos

    cost = np.array([[distance(a, b) for a in known] for b in seen], np.float32) + (0.0 if penalty is None else penalty)
    _, of_seen, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    return {index: int(place) for index, place in enumerate(of_seen) if place >= 0}
