"""The paper's figures as PNG files. matplotlib is loaded when the first one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sdfl.errors import MissingDependency
from sdfl.files import atomic_path
from sdfl.metrics import Floats
from sdfl.model.landmarks.introspection import edge_weights, node_similarities
from sdfl.model.landmarks.landmark_graph import correlation, nearest_neighbours
from sdfl.model.landmarks.losses import ABSOLUTE, LossConfig
from sdfl.model.landmarks.network import Network
from sdfl.train.reproduce.occlusion import Occlusion
from sdfl.train.reproduce.run import Run
from sdfl.types import FloatArray, Image


def _pyplot() -> Any:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise MissingDependency("matplotlib", extra="train") from error
    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(figure: Any, path: Path) -> Path:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, bbox_inches="tight")
    _pyplot().close(figure)
    return path


def draw_adjacency(shapes: FloatArray, path: Path, k: int = 4) -> Path:
    """Draw Fig. 4: the binary neighbourhood matrix M and its edges on the mean face.

    Args:
        shapes: (M, N, 2), 0..1 of the crop.
        path: the PNG to write.
        k: number of neighbours.

    Returns:
        `path`.
    """
    figure, (left, right) = _pyplot().subplots(1, 2, figsize=(10, 5))
    neighbours = nearest_neighbours(correlation(shapes), k)
    matrix = np.zeros((len(neighbours), len(neighbours)))
    matrix[np.arange(len(neighbours))[:, None], neighbours] = 1
    left.imshow(matrix, cmap="Blues")
    left.set_title(f"{k}-neighbourhood")
    _draw_edges(right, shapes.mean(axis=0), matrix)
    right.set_aspect("equal")
    right.invert_yaxis()
    return _save(figure, path)


def _draw_edges(axes: Any, points: FloatArray, weights: Floats) -> None:
    """Lines between points (N, 2), as dark as the larger of both directions' weights (N, N)."""
    both = np.maximum(weights, weights.T)
    for i, j in zip(*np.nonzero(np.triu(both, 1)), strict=True):
        axes.plot(*points[[i, j]].T, color="tab:orange", alpha=float(np.clip(both[i, j], 0.05, 1)), linewidth=1.2)
    axes.scatter(*points.T, s=6, color="tab:blue", zorder=3)
    axes.axis("off")


def draw_losses(path: Path, config: LossConfig) -> Path:
    """Draw Fig. 6: L1, Wing and Soft Wing over the error in px.

    Args:
        path: the PNG to write.
        config: parameters of the losses.

    Returns:
        `path`.
    """
    figure, axes = _pyplot().subplots(figsize=(5, 4))
    errors = torch.linspace(-40, 40, 801)
    for name, loss in ABSOLUTE.items():
        axes.plot(errors, loss(errors, config), label=name.replace("_", " "))
    axes.set_xlabel("error (px)")
    axes.legend()
    return _save(figure, path)


def draw_neighbours(runs: Sequence[Run], column: str, path: Path) -> Path:
    """Draw Fig. 8: NME over k, one line for each backbone.

    Args:
        runs: of cells named "<backbone>, k <k>".
        column: of the NME in the runs' scores.
        path: the PNG to write.

    Returns:
        `path`.
    """
    figure, axes = _pyplot().subplots(figsize=(6, 4))
    lines: dict[str, dict[int, list[float]]] = {}
    for run in runs:
        name, _, k = run.cell.rpartition(", k ")
        lines.setdefault(name, {}).setdefault(int(k), []).append(run.scores[column])
    for name, by_k in lines.items():
        ks = sorted(by_k)
        axes.plot(ks, [np.mean(by_k[k]) for k in ks], marker="o", label=name)
    axes.set_xlabel("k")
    axes.set_ylabel("NME (%)")
    axes.legend()
    return _save(figure, path)


def draw_similarities(network: Network, crop: Image, path: Path) -> Path:
    """Draw Fig. 9: the picture with its edges, sigma(A), and the nodes' cosine similarity from embedding to last block.

    Args:
        network: with a graph head.
        crop: (S, S, 3) uint8 BGR.
        path: the PNG to write.

    Returns:
        `path`.
    """
    similarities, weights = node_similarities(network, crop), edge_weights(network, crop)
    with torch.no_grad():
        points = network(torch.from_numpy(crop[None])).points[0].numpy() * len(crop) - 0.5
    figure, axes = _pyplot().subplots(2, -(-(len(similarities) + 2) // 2), figsize=(3 * (len(similarities) + 2) / 2, 6))
    flat = axes.ravel()
    flat[0].imshow(crop[..., ::-1])
    _draw_edges(flat[0], points, weights)
    flat[1].imshow(weights, cmap="Blues")
    flat[1].set_title("edge weights")
    for place, (name, matrix) in zip(flat[2:], similarities.items(), strict=False):
        place.imshow(matrix, vmin=0, vmax=1, cmap="viridis")
        place.set_title(name)
    for place in flat[len(similarities) + 2 :]:
        place.axis("off")
    return _save(figure, path)


def draw_occlusion(rows: Sequence[Occlusion], path: Path) -> Path:
    """Draw Fig. 2c and 2d as numbers: NME of visible and covered points over the patch's size, a colour for each model.

    Args:
        rows: of `occlusion_test`.
        path: the PNG to write.

    Returns:
        `path`.
    """
    figure, axes = _pyplot().subplots(figsize=(6, 4))
    for index, name in enumerate(dict.fromkeys(row.model for row in rows)):
        own = [row for row in rows if row.model == name]
        for part, style in (("visible", "-"), ("covered", "--"), ("visible_without", ":")):
            values = [getattr(row, part) for row in own]
            axes.plot([row.size for row in own], values, style, color=f"C{index}", label=f"{name}, {part}")
    axes.set_xlabel("patch (share of the crop's side)")
    axes.set_ylabel("NME (%)")
    axes.legend(fontsize=7)
    return _save(figure, path)
