"""The face detector YuNet (Wu, Peng and Yu, Machine Intelligence Research 2023) from a file, run by OpenCV."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.checks import require_count
from sdfl.errors import ArtifactError, SdflError
from sdfl.runtime.detector.canvas import lay_out
from sdfl.runtime.detector.network import to_frame
from sdfl.types import Box, FloatArray, Image

THRESHOLD = 0.6
NMS_IOU = 0.3  # of non-maximum suppression, YuNet's own default
MOST_BOXES = 400

# Landmark box against YuNet's: offset of its centre in widths and heights of YuNet's box, then its size in those.
# Medians over the faces of AFW and of four fifths of HELEN's training set.
CALIBRATION = (0.0, 0.122, 1.037, 0.760)


class YuNetDetector:
    """A `Detector` from a file that the package does not bring. Threads take turns.

    Args:
        path: a YuNet ONNX file.
        threads: number of CPU threads for all of OpenCV, which has one setting for the whole process; None leaves it
            as it is.
        threshold: score above which something is a face.

    Raises:
        ConfigError: `threads` is wrong.
        ArtifactError: the file is missing or no YuNet.
        SdflError: this OpenCV is too old.
    """

    def __init__(self, path: Path, *, threads: int | None = None, threshold: float = THRESHOLD) -> None:
        threads = require_count("threads", threads)
        if not path.is_file():
            raise ArtifactError(f"{path}: no such file; give a YuNet .onnx file, or leave the detector out")
        if not hasattr(cv2, "FaceDetectorYN"):
            raise SdflError(f"OpenCV {cv2.__version__} cannot run YuNet; install 4.8 or newer, or leave it out")
        if threads is not None:
            cv2.setNumThreads(threads)
        self._lock = threading.Lock()  # OpenCV's object keeps the size of the picture and its results
        try:
            self._network: Any = cv2.FaceDetectorYN.create(str(path), "", (320, 320), threshold, NMS_IOU, MOST_BOXES)
            self._network.detect(np.zeros((320, 320, 3), np.uint8))
        except cv2.error as error:
            raise ArtifactError(f"{path}: OpenCV cannot load it as YuNet; copy the file again") from error

    def detect(self, image: Image) -> list[Box]:
        """Find faces.

        Args:
            image: (H, W, 3) uint8 BGR.

        Returns:
            Boxes in px of the picture, the best first.
        """
        canvas = lay_out(image)
        with self._lock:
            self._network.setInputSize(canvas.image.shape[1::-1])
            _, rows = self._network.detect(canvas.image)
        if rows is None:
            return []
        scale = np.array([canvas.scale_x, canvas.scale_y], np.float32)
        return [
            Box(
                to_frame(landmark_like(row[:4]).reshape(2, 2), scale).reshape(4),
                float(np.clip(row[14], 0, 1)),
                points=to_frame(row[4:14].reshape(5, 2), scale),
            )
            for row in sorted(rows, key=lambda row: -float(row[14]))
        ]


def landmark_like(xywh: FloatArray) -> FloatArray:
    """The box that the landmarks of a face would have, by `CALIBRATION`.

    Args:
        xywh: (4,) YuNet's box: left, top, width and height.

    Returns:
        (4,) float32 xyxy.
    """
    right, down, width, height = CALIBRATION
    size = xywh[2:]
    centre = xywh[:2] + size * (0.5 + np.array([right, down], np.float32))
    half = size * np.array([width, height], np.float32) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)
