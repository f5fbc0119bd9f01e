"""Drawing the edges of the landmark graph, coloured by how strongly the network weights each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.types import FloatArray, Image


@dataclass(frozen=True, eq=False)
class GraphEdges:
    """The weighted edges of one face's graph.

    Attributes:
        points: (N, 2) float32 frame px, the landmarks, which are the nodes.
        pairs: (E, 2) indices of a node and its neighbour.
        weights: (E,) float32, 0..1, the attention that the node pays to the neighbour.
    """

    points: FloatArray
    pairs: npt.NDArray[np.int64]
    weights: FloatArray


def draw_edges(image: Image, edges: GraphEdges) -> Image:
    """A copy of a picture with the edges of a face, from dark blue for the weakest to yellow for the strongest.

    Args:
        image: (H, W, 3) uint8 BGR.
        edges: of one face in it.
    """
    canvas: Image = image.copy()
    colours = cv2.applyColorMap(np.round(255 * relative(edges.weights)).astype(np.uint8), cv2.COLORMAP_PLASMA)
    size_px = float(np.ptp(edges.points, axis=0).max())
    width = max(1, round(size_px / 170))
    ends = np.round(np.clip(np.nan_to_num(edges.points), -16000, 16000) * 16).astype(int)
    for index in np.argsort(edges.weights).tolist():
        start, end = (ends[node].tolist() for node in edges.pairs[index])
        cv2.line(canvas, start, end, colours[index, 0].tolist(), width, cv2.LINE_AA, 4)
    return canvas


def relative(weights: FloatArray) -> FloatArray:
    """What the colours stand for: the square root of each weight divided by the strongest, since most are small.

    Args:
        weights: (E,).

    Returns:
        (E,) float32, 0..1.
    """
    return np.asarray(np.sqrt(weights / max(float(weights.max(initial=0.0)), 1e-6)), np.float32)
