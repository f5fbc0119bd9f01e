"""The project's own detector, run by OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.artifacts.detector_spec import STRIDES, read_detector_spec
from sdfl.artifacts.names import INPUT
from sdfl.errors import ConfigError, MissingDependency
from sdfl.runtime.backends.base import refused
from sdfl.runtime.detector.canvas import lay_out
from sdfl.types import Box, FloatArray, Image, require_count

FACES = Path(__file__).parent / "sdfl_faces.onnx"
NMS_IOU = 0.4  # of boxes that overlap by more, non-maximum suppression keeps the best
MOST_BOXES = 400  # looked at before overlaps are removed
_LARGEST_LOG_SIDE = 8.0


class NetworkDetector:
    """A `Detector`. Boxes are those of the 68 landmarks, brows to chin, and carry five points.

    path: a file of `sdfl export`, None for the built-in one. threads: at most so many, None leaves it to OpenVINO.
    threshold: score above which something is a face, None for the file's own. The network is compiled for the shape of
    the first picture when it comes (0.1 to 0.3 s); there are five shapes at most. Raises ArtifactError for a file that
    is missing, damaged or something else.
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
        """image: (H, W, 3) uint8 BGR. Returns boxes in frame px, best first."""
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
    """Centres (M, 2) px and strides (M, 1) of the cells of a canvas, in the order of the network's output."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride]
        centres.append((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * stride - 0.5)
        strides.append(np.full((x.size, 1), stride))
    return np.concatenate(centres).astype(np.float32), np.concatenate(strides).astype(np.float32)


def decode(cells: FloatArray, centres: FloatArray, strides: FloatArray) -> tuple[FloatArray, FloatArray]:
    """cells: (K, 15), see `DetectorSpec`. Returns boxes (K, 4) xyxy and points (K, 5, 2), canvas px."""
    middle = centres + cells[:, 1:3] * strides
    half = np.exp(np.minimum(cells[:, 3:5], _LARGEST_LOG_SIDE)) * strides / 2
    points = centres[:, None] + cells[:, 5:].reshape(-1, 5, 2) * strides[..., None]
    return np.concatenate([middle - half, middle + half], axis=1), points


def to_frame(points: FloatArray, scale: FloatArray) -> FloatArray:
    """Canvas px -> frame px; pixel centres are whole numbers in both. points: (..., 2)."""
    return np.asarray((points + 0.5) * scale - 0.5, dtype=np.float32)
