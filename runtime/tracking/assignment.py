"""Who is who: faces seen in this frame against those known, as a linear assignment (Jonker and Volgenant, 1987)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sdfl.types import FloatArray

SCALE_WEIGHT = 1.0  # a face twice as large is as far as one its own size away, times log 2


def distance(a: FloatArray, b: FloatArray) -> float:
    """How unlike two (4,) xyxy boxes are: offset of their centres in their mean size, plus log ratio of the sizes."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.tolist(), b.tolist()
    size_a, size_b = max(ax1 - ax0, ay1 - ay0, 1e-3), max(bx1 - bx0, by1 - by0, 1e-3)
    offset = math.hypot(ax0 + ax1 - bx0 - bx1, ay0 + ay1 - by0 - by1) / 2
    return float(2 * offset / (size_a + size_b) + SCALE_WEIGHT * abs(math.log(size_a / size_b)))


def assign(
    known: Sequence[FloatArray], seen: Sequence[FloatArray], limit: float, penalty: Sequence[float] | None = None
) -> dict[int, int]:
    """known, seen: (4,) xyxy boxes. Returns index of seen -> index of known, of least total distance.

    No pair is further apart than `limit`. penalty: added to the distances of each known one.
    """
    if not known or not seen:
        return {}
    import lap  # where two faces meet; most videos never need it

    cost = np.array([[distance(a, b) for a in known] for b in seen], np.float32) + (0.0 if penalty is None else penalty)
    _, of_seen, _ = lap.lapjv(cost, extend_cost=True, cost_limit=limit)
    return {index: int(place) for index, place in enumerate(of_seen) if place >= 0}
