"""How much the shown points jitter, measured while they are shown."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np

from sdfl.layouts import get_layout
from sdfl.types import Face, FloatArray


class Jitter:
    """The jitter of the face that is known longest.

    It is the mean over the points of |p(t) - 2 p(t-1) + p(t-2)| / sqrt(3). Even motion does not change it, and for
    independent noise on a still face it equals the mean of |p(t) - p(t-1)|.

    Attributes:
        percent: of the inter-ocular distance; None until three frames in a row have shown the same face.
    """

    def __init__(self) -> None:
        self._id: int | None = None
        self._last: deque[FloatArray] = deque(maxlen=3)
        self.percent: float | None = None

    def update(self, faces: Sequence[Face]) -> None:
        """Take the faces of the next frame, those known longest first."""
        first = faces[0] if faces else None
        if first is None or first.id != self._id:
            self._last.clear()
        self.percent, self._id = None, first.id if first else None
        if first is None:
            return
        self._last.append(first.landmarks.points)
        if len(self._last) < 3:
            return
        oldest, middle, newest = self._last
        left, right = get_layout(first.landmarks.layout).eye_corners
        distance_px = float(np.hypot(*(newest[right] - newest[left])))
        steps_px = np.linalg.norm(newest - 2 * middle + oldest, axis=1)
        if distance_px > 0:
            self.percent = 100 * float(steps_px.mean()) / math.sqrt(3) / distance_px
