"""Steady points that do not lag: low passes that open as the face moves, for motion and shape apart.

Like the One-Euro filter (Casiez, Roussel and Vogel, CHI 2012) each is a first-order low pass whose cutoff grows with
speed. Speed is read from how far the filter has fallen behind, which at constant speed is proportional to it; what
noise alone makes it fall behind (`slack`) does not count. The points are split into a similarity (place, size and roll
of the whole face) and the shape that is left when that is undone: a moving head changes only the similarity, which
rests on all points and has little noise, so that the shape can be filtered harder without any lag.

All lengths are in sizes of the face and all times in seconds: neither the face's distance, nor the camera's rate, nor a
dropped frame changes what the filters do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.types import FloatArray

Complex = npt.NDArray[np.complex128]  # points as x + iy
FIRST_STEP_S = 1 / 30  # for timestamps that do not advance
FORGET_S = 0.5  # after a longer gap the filter begins anew
MOST_TRUST = 4.0  # of the most certain point, and one over that of the least, in that of a typical one


@dataclass(frozen=True)
class LowPass:
    """cutoff_hz: at rest. slack: sizes of the face that it may fall behind. slope_hz: for each size beyond that.

    watch_hz: cutoff of the filter that what it is behind goes through first, so that noise cancels out.
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
    """motion: of the face as a whole. shape: of each point within it. Chosen on the curve of docs/benchmarks.md."""

    motion: LowPass = LowPass(cutoff_hz=1.0, slack=0.017, slope_hz=1800.0)
    shape: LowPass = LowPass(cutoff_hz=0.5, slack=0.007, slope_hz=900.0)


class PointFilter(Protocol):
    """What steadies the points of one face, frame by frame."""

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray: ...


class Smoother:
    """Filters the points of one face. Feed it every frame in which the face is seen."""

    def __init__(self, smoothing: Smoothing = Smoothing()) -> None:
        self._smoothing = smoothing
        self._seen_s: float | None = None

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray:
        """points: (N, 2) px. spread: (N,) expected error of each, in any unit. Returns (N, 2) px, steadier."""
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
        self._turn = complex(max(size, 1e-6))
        self._shape = (raw - self._centre) / self._turn
        self._behind = np.zeros(2, np.complex128)  # place, and logarithm of size and roll
        self._shape_behind = np.zeros_like(raw)

    def _move(self, turn: complex, centre: complex, step_s: float) -> None:
        """Follow place, size and roll."""
        rule, size = self._smoothing.motion, abs(self._turn)
        off = np.array([(centre - self._centre) / size, np.log(turn / self._turn)])
        self._behind += _gain(rule.watch_hz, step_s) * (off - self._behind)
        behind = max(0.0, float(np.sqrt((np.abs(self._behind) ** 2).sum())) - rule.slack)
        follow = _gain(rule.cutoff_hz + rule.slope_hz * behind, step_s)
        self._centre += complex(follow * off[0] * size)
        self._turn *= complex(np.exp(follow * off[1]))

    def _reshape(self, shape: Complex, trust: Any, step_s: float) -> None:
        """Follow each point within the face, the uncertain ones more slowly."""
        rule, off = self._smoothing.shape, shape - self._shape
        self._shape_behind += _gain(rule.watch_hz, step_s) * (off - self._shape_behind)
        behind = np.maximum(0.0, np.abs(self._shape_behind) - rule.slack / trust)
        self._shape = self._shape + _gain(rule.cutoff_hz * trust + rule.slope_hz * behind, step_s) * off


def _gain(cutoff_hz: Any, step_s: float) -> Any:
    """Share of a new value in a first-order low pass."""
    rate = 2 * np.pi * step_s * cutoff_hz
    return rate / (1 + rate)


def _trust(spread: FloatArray) -> Any:
    """(N,), about 1: how certain each point is beside the average one."""
    relative = float(spread.mean()) / np.maximum(spread, 1e-9)
    return np.minimum(np.maximum(relative, 1 / MOST_TRUST), MOST_TRUST)


def _fit(shape: Complex, raw: Complex, trust: Any) -> tuple[complex, complex]:
    """Turn and centre of the similarity shape -> turn * shape + centre that fits `raw` best."""
    weight = trust / trust.sum()
    middle, middle_raw = weight @ shape, weight @ raw
    flat = shape - middle
    weighted = weight * flat.conj()
    turn = weighted @ (raw - middle_raw) / max(float((weighted @ flat).real), 1e-12)
    return complex(turn), complex(middle_raw - turn * middle)
