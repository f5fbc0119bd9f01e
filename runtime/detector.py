"""Finding faces to begin with: OpenCV's Haar cascades (Viola and Jones, 2001), which come with every OpenCV 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.core import Box, FloatArray, Image
from sdfl.errors import SdflError

LONGER_SIDE_PX = 320  # larger pictures are shrunk to this
MIN_FACE_PX = 24  # the cascades' own window
SCALE_STEP = 1.2

# Landmark box against the cascade's square, in sides of the square: offset of its centre (x, y), then its size (w, h).
# Medians over the 1,033 faces of AFW and of four fifths of HELEN's training set (never the held-out fifth); with them
# the median overlap (IoU) with the true box is 0.78.
CALIBRATION = (0.0, 0.140, 0.858, 0.832)


@dataclass(frozen=True)
class Cascade:
    """file: in OpenCV's folder. min_neighbours: how many hits must agree. low, high: weights that score 0 and 1."""

    file: str
    min_neighbours: int
    low: float
    high: float


# The second is asked only where the first finds nothing: missed faces of the same 1,033 fall from 12.4 % to 8.8 %.
CASCADES = (
    Cascade("haarcascade_frontalface_default.xml", min_neighbours=2, low=-2.0, high=8.0),
    Cascade("haarcascade_frontalface_alt2.xml", min_neighbours=1, low=52.0, high=58.0),
)


class CascadeDetector:
    """A `Detector` for roughly upright, roughly frontal faces of at least 1/13 of the picture's longer side.

    Boxes look like the box of the 68 landmarks (brows to chin). False alarms are left to the network's `presence`.
    Raises SdflError where this OpenCV has no cascades.
    """

    def __init__(self, cascades: Sequence[Cascade] = CASCADES) -> None:
        self._cascades = [(cascade, _load(cascade)) for cascade in cascades]

    def detect(self, image: Image) -> list[Box]:
        """image: (H, W, 3) uint8 BGR. Returns boxes in frame px, best first."""
        height, width = image.shape[:2]
        factor = min(1.0, LONGER_SIDE_PX / max(height, width))
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        if min(size) < MIN_FACE_PX:
            return []
        grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        for cascade, classifier in self._cascades:
            squares, _, weights = classifier.detectMultiScale3(
                grey, SCALE_STEP, cascade.min_neighbours, minSize=(MIN_FACE_PX, MIN_FACE_PX), outputRejectLevels=True
            )
            if len(squares):
                scores = np.clip((np.ravel(weights) - cascade.low) / (cascade.high - cascade.low), 0, 1)
                order = np.argsort(-scores, kind="stable")
                return [Box(_landmark_like(squares[i] / factor), float(scores[i])) for i in order]
        return []


class FakeDetector:
    """A `Detector` that always answers with `boxes` and counts how often it was asked."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = list(boxes)
        self.calls = 0

    def detect(self, image: Image) -> list[Box]:  # noqa: ARG002  the answer does not depend on it
        """Returns `boxes`."""
        self.calls += 1
        return list(self.boxes)


def _landmark_like(square_xywh: npt.NDArray[np.float64]) -> FloatArray:
    """The cascade's (4,) xywh square as the (4,) xyxy box that landmarks would have."""
    x, y, side, _ = square_xywh
    right, down, width, height = CALIBRATION
    centre = np.array([x + side * (0.5 + right), y + side * (0.5 + down)])
    half = np.array([side * width, side * height]) / 2
    return np.concatenate([centre - half, centre + half]).astype(np.float32)


def _load(cascade: Cascade) -> cv2.CascadeClassifier:
    if not hasattr(cv2, "CascadeClassifier"):
        raise SdflError(
            f"OpenCV {cv2.__version__} has no face detector; install version 4: "
            "pip install 'opencv-python>=4.8,<5' (or opencv-python-headless)"
        )
    path = _cascade_folder() / cascade.file
    classifier = cv2.CascadeClassifier(str(path))
    if classifier.empty():
        raise SdflError(f"{path}: OpenCV's face cascade is missing; install its data files (apt: opencv-data)")
    return classifier


def _cascade_folder() -> Path:
    """The wheels tell the folder; OpenCV of a Linux distribution or of JetPack keeps it below /usr/share."""
    data = getattr(cv2, "data", None)
    return Path(data.haarcascades) if data else Path("/usr/share/opencv4/haarcascades")
