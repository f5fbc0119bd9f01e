"""Accuracy of landmarks: NME, failure rate, AUC (paper section IV.A, eq. 12)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.layouts import Layout

Floats = npt.NDArray[np.floating]


def inter_ocular(points: Floats, layout: Layout) -> Floats:
    """The distance between the outer eye corners.

    Args:
        points: (..., N, 2).
        layout: of the points.

    Returns:
        (...), same unit.
    """
    left, right = layout.eye_corners
    return np.asarray(np.linalg.norm(points[..., left, :] - points[..., right, :], axis=-1))


def inter_pupil(points: Floats, layout: Layout) -> Floats:
    """The distance between the pupils, or between the centres of the eyes where a layout has no pupils.

    Args:
        points: (..., N, 2).
        layout: of the points.

    Returns:
        (...), same unit.
    """
    left, right = (points[..., list(eye), :].mean(axis=-2) for eye in layout.pupils)
    return np.asarray(np.linalg.norm(left - right, axis=-1))


def box_diagonal(points: Floats, layout: Layout) -> Floats:  # noqa: ARG001
    """The diagonal of the tight box around the points.

    Args:
        points: (..., N, 2).
        layout: not used.

    Returns:
        (...), same unit.
    """
    return np.asarray(np.linalg.norm(points.max(axis=-2) - points.min(axis=-2), axis=-1))


NORMALISERS = {"inter-ocular": inter_ocular, "inter-pupil": inter_pupil, "box-diagonal": box_diagonal}


def nme(predicted: Floats, truth: Floats, layout: Layout, norm: str = "inter-ocular") -> Floats:
    """The normalised mean error: mean distance of the points over a length of the true face (eq. 12).

    Args:
        predicted: (B, N, 2).
        truth: (B, N, 2), same unit.
        layout: of the points.
        norm: the length, one of NORMALISERS; the paper's is inter-ocular.

    Returns:
        (B,) fractions.

    Raises:
        ConfigError: lists the choices of `norm`.
    """
    if norm not in NORMALISERS:
        raise ConfigError(f"norm must be one of {', '.join(NORMALISERS)}, got {norm!r}")
    distance = np.linalg.norm(predicted.astype(np.float64) - truth, axis=-1)
    return np.asarray(distance.mean(axis=-1) / NORMALISERS[norm](truth.astype(np.float64), layout))


def failure_rate(errors: Floats, threshold: float) -> float:
    """The share of faces with a larger error than a threshold.

    Args:
        errors: (B,) NME fractions, NaN or inf for a missed face.
        threshold: an NME fraction.

    Returns:
        0..1; missed faces count as failures.
    """
    return float(np.mean(~(errors <= threshold)))


def auc(errors: Floats, limit: float = 0.10) -> float:
    """The area under the cumulative error curve, computed exactly.

    Args:
        errors: (B,) NME fractions, NaN or inf for a missed face.
        limit: NME fraction at which the area ends; the area is divided by it.

    Returns:
        0..1, 1 is perfect.
    """
    missed = np.isnan(errors)
    return float(np.mean(np.clip(limit - np.where(missed, np.inf, errors), 0.0, limit)) / limit)


def auc_sampled(errors: Floats, limit: float = 0.10, thresholds: int = 20) -> float:
    """The area under the cumulative error curve as the paper's released code samples it.

    It reads the curve at the right end of every step, and lies above the exact area by about half a step.

    Args:
        errors: (B,) NME fractions, NaN or inf for a missed face.
        limit: NME fraction at which the area ends.
        thresholds: number of equal steps up to `limit`.

    Returns:
        0..1, 1 is perfect.
    """
    steps = np.linspace(limit / thresholds, limit, thresholds)
    return float(np.mean([1.0 - failure_rate(errors, step) for step in steps]))


def error_curve(errors: Floats, limit: float = 0.10, steps: int = 200) -> tuple[Floats, Floats]:
    """The cumulative error curve.

    Args:
        errors: (B,) NME fractions, NaN or inf for a missed face.
        limit: largest NME fraction of the curve.
        steps: number of intervals.

    Returns:
        NME fractions (steps + 1,) from 0 to `limit`, and the share of pictures up to there.
    """
    grid = np.linspace(0.0, limit, steps + 1)
    ordered = np.sort(errors[np.isfinite(errors)])
    return grid, np.searchsorted(ordered, grid, side="right") / max(len(errors), 1)
