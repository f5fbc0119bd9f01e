"""Accuracy of landmarks: NME, failure rate, AUC (paper section IV.A, eq. 12)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.layouts import Layout

Floats = npt.NDArray[np.floating]


def inter_ocular(points: Floats, layout: Layout) -> Floats:
    """points: (..., N, 2). Returns (...): distance of the outer eye corners, same unit."""
    left, right = layout.eye_corners
    return np.asarray(np.linalg.norm(points[..., left, :] - points[..., right, :], axis=-1))


def inter_pupil(points: Floats, layout: Layout) -> Floats:
    """points: (..., N, 2). Returns (...): distance of the eyes' centres (68 points) or of the pupils, same unit."""
    left, right = (points[..., list(eye), :].mean(axis=-2) for eye in layout.pupils)
    return np.asarray(np.linalg.norm(left - right, axis=-1))


def box_diagonal(points: Floats, layout: Layout) -> Floats:  # noqa: ARG001
    """points: (..., N, 2). Returns (...): diagonal of the tight box around the points, same unit."""
    return np.asarray(np.linalg.norm(points.max(axis=-2) - points.min(axis=-2), axis=-1))


NORMALISERS = {"inter-ocular": inter_ocular, "inter-pupil": inter_pupil, "box-diagonal": box_diagonal}


def nme(predicted: Floats, truth: Floats, layout: Layout, norm: str = "inter-ocular") -> Floats:
    """(B, N, 2) each. Returns (B,): mean point distance over a length of the true face (eq. 12), a fraction.

    norm: one of NORMALISERS; the paper's is inter-ocular. Raises ConfigError that lists the choices.
    """
    if norm not in NORMALISERS:
        raise ConfigError(f"norm must be one of {', '.join(NORMALISERS)}, got {norm!r}")
    distance = np.linalg.norm(predicted.astype(np.float64) - truth, axis=-1)
    return np.asarray(distance.mean(axis=-1) / NORMALISERS[norm](truth.astype(np.float64), layout))


def failure_rate(errors: Floats, threshold: float) -> float:
    """errors: (B,) NME fractions, NaN or inf for a missed face. Returns the share that is not at most `threshold`."""
    return float(np.mean(~(errors <= threshold)))


def auc(errors: Floats, limit: float = 0.10) -> float:
    """Area under the cumulative error curve from 0 to `limit`, divided by `limit`: exact, not sampled.

    errors: (B,) NME fractions, NaN or inf for a missed face. 1 is perfect.
    """
    missed = np.isnan(errors)
    return float(np.mean(np.clip(limit - np.where(missed, np.inf, errors), 0.0, limit)) / limit)


def auc_sampled(errors: Floats, limit: float = 0.10, thresholds: int = 20) -> float:
    """The released code's protocol: the mean of the cumulative error curve at `thresholds` equal steps up to `limit`.

    It reads the curve at the right end of every step, and lies above the exact area by about half a step.
    """
    steps = np.linspace(limit / thresholds, limit, thresholds)
    return float(np.mean([1.0 - failure_rate(errors, step) for step in steps]))


AUC_PROTOCOLS = {"exact": auc, "20 thresholds": auc_sampled}


def error_curve(errors: Floats, limit: float = 0.10, steps: int = 200) -> tuple[Floats, Floats]:
    """The cumulative error curve: NME fractions (steps + 1,) from 0 to `limit`, and the share of pictures up to there.

    errors: (B,) NME fractions, NaN or inf for a missed face.
    """
    grid = np.linspace(0.0, limit, steps + 1)
    ordered = np.sort(errors[np.isfinite(errors)])
    return grid, np.searchsorted(ordered, grid, side="right") / max(len(errors), 1)
