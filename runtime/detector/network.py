"""The package's own face detector, run by OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.artifacts.detector_spec import STRIDES, read_detector_spec
from sdfl.artifacts.names import INPUT
from sdfl.checks import require_count
from sdfl.errors import ConfigError, MissingDependency
from sdfl.runtime.backends.base import refused
from sdfl.runtime.detector.canvas import lay_out
from sdfl.types import Box, FloatArray, Image

FACES = Path(__file__).parent / "sdfl_faces.onnx"
NMS_IOU = 0.4  # of boxes that overlap by more, non-maximum suppression keeps the best
MOST_BOXES = 400  # that overlaps are removed from, the best ones
_LARGEST_LOG_SIDE = 8.0


class NetworkDetector:
    """A `Detector` whose boxes enclose the 68 landmarks, from brows to chin, and carry five points.

    The network is compiled for one of at most five shapes when the first picture of that shape comes (0.1 to 0.3 s).

    Args:
        path: a detector that `sdfl export` wrote, None for the built-in one.
        threads: largest number of CPU threads, None for OpenVINO's own choice.
        threshold: score above which something is a face, None for the one in the file.

    Attributes:
        spec: what the file says about itself.
        threshold: the one that is used.

    Raises:
        ConfigError: `threads` or `threshold` is wrong.
        ArtifactError: the file is missing, damaged or no detector.
    """

    def __init__(self, path: Path | None = None, *, threads: int | None = None, threshold: float | None = None) -> None:
        threads = require_count("threads", threads)
        self._path = path or FACES
        self.spec = read_detector_spec(self._path)
        self.threshold = self.spec.threshold if threshold is None else threshold
        if not 0 < self.threshold < 1:
            raise ConfigError(f"threshold must lie in 0..1, got {threshold}")
        self._threads = threads
        self._requests: dict[tuple[int, int], tuple[Any, FloatArray, FloatArray]] = {}

    def detect(self, image: Image) -> list[Box]:
        """Find faces.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes in px of the picture, the best first.

        Raises:
            ArtifactError: OpenVINO refuses the file.
            MissingDependency: OpenVINO is not installed.
        """
        canvas = lay_out(image)
        request, centres, strides = self._compiled(canvas.image.shape[:2])
        cells = request.infer({INPUT: canvas.image[None]}, share_inputs=True)[0][0]
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

    def _compiled(self, shape: tuple[int, int]) -> tuple[Any, FloatArray, FloatArray]:
        if shape not in self._requests:
            self._requests[shape] = (self._compile(shape), *cell_grid(*shape))
        return self._requests[shape]

    def _compile(self, shape: tuple[int, int]) -> Any:
        try:
            import openvino
        except ImportError as error:
            raise MissingDependency("openvino") from error
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        if self._threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._threads
        try:
            core = openvino.Core()
            model = core.read_model(self._path)
            model.reshape({INPUT: [1, *shape, 3]})
            return core.compile_model(model, "CPU", config).create_infer_request()
        except Exception as error:  # OpenVINO raises bare RuntimeErrors
            raise refused(self._path, "OpenVINO", error) from error


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
