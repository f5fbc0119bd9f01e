"""Smoothing without lag: low-pass filters that open as the face moves, separate for its motion and its shape.

Each filter is, like the One-Euro filter (Casiez, Roussel and Vogel, CHI 2012), a first-order low pass whose cutoff
grows with speed. Speed is measured by how far the filter lags behind its input, which is proportional to speed where
that is constant; the lag that noise alone causes (`slack`) does not count. The points are split into a similarity
(place, size and roll of the whole face) and the shape that remains when the similarity is undone. A moving head changes
only the similarity, which is computed from all points and so has little noise; the shape can therefore be filtered
harder without lag.

All lengths are in sizes of the face and all times in seconds, so that the filters do the same whatever the distance of
the face and the rate of the camera, and when a frame is dropped.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.types import FloatArray

Complex = npt.NDArray[np.complex128]  # points as x + iy
FIRST_STEP_S = 1 / 30  # for timestamps that do not advance
FORGET_S = 0.5  # after a longer gap the filter starts again
SMALLEST_TURN = 1e-6  # of points that lie on one spot; their similarity has no logarithm
MOST_TRUST = 4.0  # trust of the most certain point; the least certain has one over this; an average one has 1


@dataclass(frozen=True)
class LowPass:
    """A low-pass filter whose cutoff grows with its lag.

    Attributes:
        cutoff_hz: cutoff at rest.
        slack: lag, in sizes of the face, up to which the cutoff does not grow.
        slope_hz: how much the cutoff grows for each size of lag beyond that.
        watch_hz: cutoff of the low pass that the lag itself goes through, so that noise cancels out.

    Raises:
        ConfigError: a value is negative.
    """

    cutoff_hz: float
    slack: float
    slope_hz: float
    watch_hz: float = 4.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise ConfigError(f"smoothing.{name} must be at least 0, got {value}")


@dataclass(frozen=True)
class Smoothing:
    """The filters of a face. The default values were chosen on the curve in docs/results/video.md.

    Attributes:
        motion: for the face as a whole.
        shape: for each point within the face.
    """

    motion: LowPass = LowPass(cutoff_hz=1.0, slack=0.017, slope_hz=1800.0)
    shape: LowPass = LowPass(cutoff_hz=0.5, slack=0.007, slope_hz=900.0)


class PointFilter(Protocol):
    """Smooths the points of one face, frame by frame."""

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray:
        """Take the points of the next frame; see `Smoother.update`."""
        ...


class Smoother:
    """Smooths the points of one face. To be given every frame in which the face is seen.

    Args:
        smoothing: its filters.
    """

    def __init__(self, smoothing: Smoothing = Smoothing()) -> None:
        self._smoothing = smoothing
        self._seen_s: float | None = None

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray:
        """Take the points of the next frame.

        Args:
            points: (N, 2) frame px.
            spread: (N,) expected error of each point, in any unit.
            now_s: timestamp of the frame.

        Returns:
            (N, 2) float32 frame px, the smoothed points.
        """
        raw = points.astype(np.float64).view(np.complex128)[:, 0]
        trust = _trust(spread)
        last_s, self._seen_s = self._seen_s, now_s
        if last_s is None or now_s - last_s > FORGET_S:
            self._begin(raw, trust)
            return points
        step_s = now_s - last_s if now_s > last_s else FIRST_STEP_S
        turn, centre = _fit(self._shape, raw, trust)
        self._move(turn, centre, step_s)
        self._reshape((raw - centre) / turn, trust, step_s)
        smooth = self._turn * self._shape + self._centre
        return np.asarray(smooth[:, None].view(np.float64), np.float32)

    def _begin(self, raw: Complex, trust: Any) -> None:
        self._centre = complex((trust * raw).sum() / trust.sum())
        size = float(np.sqrt((np.abs(raw - self._centre) ** 2).mean()))
        self._turn = complex(max(size, SMALLEST_TURN))
        self._shape = (raw - self._centre) / self._turn
        self._place_behind = self._turn_behind = 0j  # sizes of the face, and logarithm of size and roll
        self._shape_behind = np.zeros_like(raw)

    def _move(self, turn: complex, centre: complex, step_s: float) -> None:
        """Follow place, size and roll."""
        rule, size = self._smoothing.motion, abs(self._turn)
        place_off, turn_off = (centre - self._centre) / size, cmath.log(turn / self._turn)
        watch = _gain(rule.watch_hz, step_s)
        self._place_behind += watch * (place_off - self._place_behind)
        self._turn_behind += watch * (turn_off - self._turn_behind)
        behind = max(0.0, math.hypot(abs(self._place_behind), abs(self._turn_behind)) - rule.slack)
        follow = _gain(rule.cutoff_hz + rule.slope_hz * behind, step_s)
        self._centre += follow * place_off * size
        self._turn *= cmath.exp(follow * turn_off)

    def _reshape(self, shape: Complex, trust: Any, step_s: float) -> None:
        """Follow each point within the face, the uncertain ones more slowly."""
        rule, off = self._smoothing.shape, shape - self._shape
        self._shape_behind += _gain(rule.watch_hz, step_s) * (off - self._shape_behind)
        behind = np.maximum(0.0, np.abs(self._shape_behind) - rule.slack / trust)
        self._shape = self._shape + _gain(rule.cutoff_hz * trust + rule.slope_hz * behind, step_s) * off


def _gain(cutoff_hz: Any, step_s: float) -> Any:
    """Share of a new value in a first-order low pass."""
    rate = (2 * math.pi * step_s) * cutoff_hz
    return rate / (1 + rate)


def _trust(spread: FloatArray) -> Any:
    """(N,), about 1: how certain each point is beside the average one."""
    wide = np.maximum(spread, 1e-9, dtype=np.float64)
    return np.minimum(np.maximum(float(wide.sum()) / len(wide) / wide, 1 / MOST_TRUST), MOST_TRUST)


def _fit(shape: Complex, raw: Complex, trust: Any) -> tuple[complex, complex]:
    """Turn and centre of the similarity shape -> turn * shape + centre that fits `raw` best."""
    weight = trust / trust.sum()
    middle, middle_raw = complex(weight @ shape), complex(weight @ raw)
    flat = shape - middle
    weighted = weight * flat
    # The conjugated weights sum to zero about the middle, so that `raw` need not be centred as well.
    turn = complex(np.vdot(weighted, raw)) / max(np.vdot(weighted, flat).real, 1e-12)
    turn = turn if abs(turn) > SMALLEST_TURN else complex(SMALLEST_TURN)
    return turn, middle_raw - turn * middle
