"""The package's own face detector, run by OpenVINO or ONNX Runtime."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.artifacts.detector_spec import STRIDES, DetectorSpec, read_detector_spec
from sdfl.artifacts.drawn_face import drawn_scene
from sdfl.artifacts.self_test import EXACT, INTEGER, Deviation, deviation, require_right
from sdfl.checks import require_count
from sdfl.errors import ConfigError
from sdfl.runtime.backends.fallback import Attempt, first_that_works
from sdfl.runtime.backends.onnxruntime.network import OnnxRuntimeNetwork
from sdfl.runtime.backends.openvino.network import OpenVinoNetwork, Run, Shape, forms_of
from sdfl.runtime.backends.self_test import AT_LOAD
from sdfl.runtime.detector.canvas import lay_out
from sdfl.types import Box, FloatArray, Image

FACES = Path(__file__).parent / "sdfl_faces.onnx"
OUTPUT = "cells"
NMS_IOU = 0.4  # of boxes that overlap by more, non-maximum suppression keeps the best
MOST_BOXES = 400  # that overlaps are removed from, the best ones
_LARGEST_LOG_SIDE = 8.0
NEARLY_BEST, MOST_ANSWERS = 0.1, 8  # logits below the best, and number of cells, that a self-test compares
CANVAS_SLACK_PX = 2.0  # float detectors differ by 0.5 px from one canvas to another
USUAL_SHAPE = (256, 320)  # of the canvas for a picture of 4:3


class NetworkDetector:
    """A `Detector` whose boxes enclose the 68 landmarks, from brows to chin, and carry five points.

    Threads may share it.

    In OpenVINO the network is compiled for one of at most five shapes when the first picture of that shape comes (0.1
    to 0.3 s), and kept in the user's cache.

    Args:
        path: a detector that `sdfl export` wrote, None for the built-in one.
        threads: largest number of CPU threads, None for the library's own choice.
        threshold: score above which something is a face, None for the one in the file.
        library: a key of LIBRARIES; None for the first that is installed and computes the right boxes here.

    Attributes:
        spec: what the file says about itself.
        threshold: the one that is used.

    Raises:
        ConfigError: `threads`, `threshold` or `library` is wrong.
        ArtifactError: the file is missing, damaged or no detector.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        threads: int | None = None,
        threshold: float | None = None,
        library: str | None = None,
    ) -> None:
        threads = require_count("threads", threads)
        if library is not None and library not in LIBRARIES:
            raise ConfigError(f"library must be one of {', '.join(LIBRARIES)}, got {library!r}")
        path = path or FACES
        self.spec = read_detector_spec(path)
        self.threshold = self.spec.threshold if threshold is None else threshold
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold must lie in 0..1, got {threshold}")
        self._path, self._threads = path, threads
        self._libraries = LIBRARIES if library is None else {library: LIBRARIES[library]}
        self._grids: dict[tuple[int, int], tuple[FloatArray, FloatArray]] = {}
        self._network: OpenVinoNetwork | OnnxRuntimeNetwork | None = None
        self._opening = threading.Lock()

    def detect(self, image: Image) -> list[Box]:
        """Find faces.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes in px of the picture, the best first.

        Raises:
            UnusableHereError: no library computes the right boxes on this processor; when a picture of its shape comes
                for the first time.
            MissingDependency: the library is not installed.
        """
        canvas = lay_out(image)
        height, width = canvas.image.shape[:2]
        if (height, width) not in self._grids:
            self._grids[height, width] = cell_grid(height, width)
        centres, strides = self._grids[height, width]
        with self._opening:
            network = self._network = self._network or self.open_network((height, width))
        cells = network.run(canvas.image[None])[OUTPUT][0]
        least = np.log(self.threshold / (1 - self.threshold))
        sure = np.flatnonzero(cells[:, 0] > least)
        if not len(sure):
            return []
        if len(sure) > MOST_BOXES:
            sure = sure[np.argpartition(-cells[sure, 0], MOST_BOXES)[:MOST_BOXES]]
        boxes, points = decode(cells[sure], centres[sure], strides[sure])
        scores = 1 / (1 + np.exp(-cells[sure, 0].astype(np.float64)))
        xywh = np.column_stack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        kept = np.ravel(cv2.dnn.NMSBoxes(xywh.tolist(), scores.tolist(), self.threshold, NMS_IOU)).astype(int)
        scale = np.array([canvas.scale_x, canvas.scale_y], np.float32)
        return [
            Box(
                to_frame(boxes[i].reshape(2, 2), scale).reshape(4),
                float(scores[i]),
                points=to_frame(points[i], scale),
            )
            for i in sorted(kept, key=lambda i: -scores[i])
        ]

    def open_network(self, shape: tuple[int, int]) -> OpenVinoNetwork | OnnxRuntimeNetwork:
        """Open the network in the first library that works here.

        Args:
            shape: height and width of the canvas, px.

        Raises:
            UnusableHereError, MissingDependency: as `detect`.
        """

        def attempt(library: str) -> Attempt[OpenVinoNetwork | OnnxRuntimeNetwork]:
            title, opened = self._libraries[library]
            return Attempt(f"{self._path.name} in {title}", lambda: opened(self._path, self.spec, self._threads, shape))

        return first_that_works(map(attempt, self._libraries))[0]


def detector_deviations(
    spec: DetectorSpec, run: Run, shape: tuple[int, int] = USUAL_SHAPE, drawings: tuple[int, ...] = AT_LOAD
) -> Iterator[Deviation]:
    """How far the best box and its points are from those that the file states.

    Where cells have nearly the same score, rounding decides which is the best; the one nearest to the stated box
    counts. The file states boxes on a canvas of USUAL_SHAPE; on another one the empty part around the drawing moves
    them.

    Args:
        spec: of the network.
        run: runs it on (1, H, W, 3) uint8.
        shape: H and W, px.
        drawings: their numbers; those that the file says nothing about are left out.

    Yields:
        The deviation, for each drawing.
    """
    slack_px = 0.0 if shape == USUAL_SHAPE else CANVAS_SLACK_PX
    for number in drawings:
        if number < len(spec.self_test):
            found = (deviation(spec.self_test[number], *answer) for answer in _best_answers(run, shape, number))
            yield replace(min(found, key=lambda each: each.points_px), slack_px=slack_px)


def best_of_drawing(run: Run, shape: tuple[int, int], number: int) -> tuple[FloatArray, float]:
    """The best box in a drawn scene.

    Args:
        run: runs the network on (1, H, W, 3) uint8.
        shape: H and W, px.
        number: of the drawing.

    Returns:
        (7, 2) px, two corners and the five points; and the score, 0..1.
    """
    return next(_best_answers(run, shape, number))


def _best_answers(run: Run, shape: tuple[int, int], number: int) -> Iterator[tuple[FloatArray, float]]:
    """The best box in a drawn scene, and others whose score is nearly the same; as `best_of_drawing` gives it."""
    cells = run(drawn_scene(*shape, number)[None])[OUTPUT][0]
    logits = np.where(np.isnan(cells[:, 0]), -np.inf, cells[:, 0])
    centres, strides = cell_grid(*shape)
    for cell in np.argsort(-logits, kind="stable")[:MOST_ANSWERS]:
        if logits[cell] < logits.max() - NEARLY_BEST:
            return
        boxes, points = decode(cells[[cell]], centres[[cell]], strides[[cell]])
        yield np.concatenate([boxes.reshape(2, 2), points[0]]), float(1 / (1 + np.exp(-np.float64(cells[cell, 0]))))


def _in_openvino(path: Path, spec: DetectorSpec, threads: int | None, shape: tuple[int, int]) -> OpenVinoNetwork:
    def self_test(run: Run, batch_and_shape: Shape) -> Iterator[Deviation]:
        return detector_deviations(spec, run, batch_and_shape[1:])

    int8 = spec.precision == "int8"
    network = OpenVinoNetwork(
        path,
        threads=threads,
        precision="f32",
        stored=spec.precision,
        forms=forms_of(int8=int8, native=False),
        self_test=self_test,
    )
    network.open((1, *shape))
    return network


def _in_onnxruntime(path: Path, spec: DetectorSpec, threads: int | None, shape: tuple[int, int]) -> OnnxRuntimeNetwork:
    network = OnnxRuntimeNetwork(path, threads=threads)
    arithmetic = INTEGER if spec.precision == "int8" else EXACT
    require_right(detector_deviations(spec, network.run, shape), arithmetic, path.name, "ONNX Runtime")
    return network


# Name -> in words, and what opens a network in it; the faster first.
LIBRARIES: dict[str, tuple[str, Any]] = {
    "openvino": ("OpenVINO", _in_openvino),
    "onnxruntime": ("ONNX Runtime", _in_onnxruntime),
}


def cell_grid(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """The cells of a canvas, in the order of the network's output.

    Args:
        height: of the canvas, px.
        width: of the canvas, px.

    Returns:
        Their centres (M, 2) px and strides (M, 1) px.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        centres.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride - 0.5)
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(cells: FloatArray, centres: FloatArray, strides: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Boxes and points of some cells.

    Args:
        cells: (K, 15), what the network says about them, see `DetectorSpec`.
        centres: (K, 2) canvas px.
        strides: (K, 1) canvas px.

    Returns:
        Boxes (K, 4) xyxy and points (K, 5, 2), both in canvas px.
    """
    middle = centres + cells[:, 1:3] * strides
    half = np.exp(np.minimum(cells[:, 3:5], _LARGEST_LOG_SIDE)) * strides / 2
    points = centres[:, None] + cells[:, 5:].reshape(-1, 5, 2) * strides[..., None]
    return np.concatenate([middle - half, middle + half], axis=1), points


def to_frame(points: FloatArray, scale: FloatArray) -> FloatArray:
    """Canvas px -> frame px; the centres of pixels have whole numbers in both.

    Args:
        points: (..., 2) canvas px.
        scale: (2,) frame px for each canvas px, in x and y.

    Returns:
        (..., 2) float32 frame px.
    """
    return np.asarray((points + 0.5) * scale - 0.5, dtype=np.float32)
