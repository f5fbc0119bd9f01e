"""Accuracy of landmarks: NME, failure rate, AUC (paper section IV.A, eq. 12)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdfl.layouts import Layout

Floats = npt.NDArray[np.floating]


def inter_ocular(points: Floats, layout: Layout) -> Floats:
    """points: (..., N, 2). Returns (...): distance of the outer eye corners, same unit."""
    left, right = layout.eye_corners
    return np.asarray(np.linalg.norm(points[..., left, :] - points[..., right, :], axis=-1))


def nme(predicted: Floats, truth: Floats, layout: Layout) -> Floats:
    """(B, N, 2) each. Returns (B,): mean point distance over the true inter-ocular distance (eq. 12), a fraction."""
    distance = np.linalg.norm(predicted.astype(np.float64) - truth, axis=-1)
    return np.asarray(distance.mean(axis=-1) / inter_ocular(truth.astype(np.float64), layout))


def failure_rate(errors: Floats, threshold: float) -> float:
    """errors: (B,) NME fractions, NaN or inf for a missed face. Returns the share that is not at most `threshold`."""
    return float(np.mean(~(errors <= threshold)))


def auc(errors: Floats, limit: float = 0.10) -> float:
    """Area under the cumulative error curve from 0 to `limit`, divided by `limit`: exact, not sampled.

    errors: (B,) NME fractions, NaN or inf for a missed face. 1 is perfect.
    """
    missed = np.isnan(errors)
    return float(np.mean(np.clip(limit - np.where(missed, np.inf, errors), 0.0, limit)) / limit)
