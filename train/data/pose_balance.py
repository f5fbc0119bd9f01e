"""Pose-based Data Balancing (Feng et al., Wing loss, CVPR 2018): rare head poses are drawn more often."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def align_shapes(points: npt.NDArray[np.floating], rounds: int = 3) -> npt.NDArray[np.float64]:
    """Align shapes with each other (generalised Procrustes analysis).

    Args:
        points: (M, N, 2).
        rounds: how often the mean is computed anew.

    Returns:
        (M, N, 2), centred, of unit size and turned onto their mean.
    """
    shapes = points.astype(np.float64) - points.mean(axis=1, keepdims=True)
    shapes /= np.linalg.norm(shapes, axis=(1, 2), keepdims=True)
    mean = shapes[0]
    for _ in range(rounds):
        left, _, right = np.linalg.svd(np.einsum("mni,nj->mij", shapes, mean))
        turn = left @ right
        shapes = shapes @ turn
        mean = shapes.mean(axis=0)
        mean /= np.linalg.norm(mean)
    return np.asarray(shapes)


def pose_weights(points: npt.NDArray[np.floating], bins: int, max_repeat: float) -> npt.NDArray[np.float64]:
    """Decide how often each sample is drawn, so that rare poses come more often.

    The pose is the first principal component of the aligned shapes, which is mostly yaw, cut into equal parts.

    Args:
        points: (M, N, 2).
        bins: number of parts, 0 draws all samples equally.
        max_repeat: the largest weight.

    Returns:
        (M,), 1..max_repeat, relative to the commonest pose.
    """
    if not bins or len(points) < 2:
        return np.ones(len(points))
    shapes = align_shapes(points).reshape(len(points), -1)
    centred = shapes - shapes.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    pose = centred @ components[0]
    edges = np.linspace(pose.min(), pose.max(), bins + 1)[1:-1]
    bin_of = np.digitize(pose, edges)
    counts = np.bincount(bin_of, minlength=bins)
    return np.asarray(np.minimum(counts.max() / counts[bin_of], max_repeat))


def repeated(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Round weights to whole numbers: how often each sample is shown where rare poses are copied.

    Args:
        weights: (M,) of `pose_weights`.

    Returns:
        (M,), at least 1. `draw` with their sum as the count shows every sample exactly that often.
    """
    return np.asarray(np.maximum(np.rint(weights), 1.0))


def draw(weights: npt.NDArray[np.float64], count: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draw samples by their weights, in random order.

    Args:
        weights: (M,).
        count: how many are drawn.
        rng: chooses.

    Returns:
        (count,) indices; each comes within one of weight / sum(weights) * count times.
    """
    edges = np.cumsum(weights / weights.sum())
    positions = (np.arange(count) + rng.random()) / count
    chosen = np.minimum(np.searchsorted(edges, positions), len(weights) - 1)
    return rng.permutation(chosen)
