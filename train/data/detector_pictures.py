"""Pictures to compose from: where each labelled face is, and where further, unlabelled ones may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError, WriteError
from sdfl.files import atomic_path
from sdfl.geometry import box_iou, landmark_box
from sdfl.types import FloatArray, Image

LEVELS = 4  # of the pyramid: 1, 1/2, 1/4, 1/8
TEACHER_SCORE = 0.3  # above it a region may hold a face
ASKED_SIDES_PX = (320, 640)  # longer sides that the teacher sees a picture at: large and small faces
OTHER_FACE_IOU = 0.2  # a box that overlaps the labelled face by less is another face


@dataclass(frozen=True, eq=False)
class Source:
    """A labelled picture to compose from.

    Attributes:
        levels: the picture (H, W, 3), and the same at 1/2, 1/4 and 1/8 of its size.
        points: (68, 2) px of the first level.
        others: (K, 4) xyxy px, regions that may hold further faces.
    """

    levels: tuple[Image, ...]
    points: FloatArray
    others: FloatArray

    @property
    def box(self) -> FloatArray:
        """The labelled face, (4,) xyxy px."""
        return landmark_box(self.points)


def load_source(sample: Sample, others: FloatArray) -> Source:
    """Read a picture and average it down.

    Args:
        sample: the labelled picture.
        others: (K, 4) xyxy px, regions that may hold further faces.

    Raises:
        DataError: the picture cannot be read.
    """
    levels = [read_image(sample.image_path)]
    for _ in range(LEVELS - 1):
        height, width = levels[-1].shape[:2]
        size = (max(1, width // 2), max(1, height // 2))
        levels.append(np.asarray(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA), np.uint8))
    return Source(tuple(levels), sample.points, others)


def further_faces(
    samples: Sequence[Sample], teacher: Path, cache: Path, progress: Callable[[Iterable[Any]], Iterable[Any]]
) -> list[FloatArray]:
    """Find where a teacher sees something beside the labelled faces.

    Args:
        samples: the labelled pictures.
        teacher: a YuNet file.
        cache: a JSON file in which answers are kept.
        progress: wraps the pictures, for a progress bar.

    Returns:
        For each picture (K, 4) xyxy px.

    Raises:
        DataError: the teacher cannot be loaded, or a picture cannot be read.
    """
    names = [str(sample.image_path) for sample in samples]
    kept = _read(cache)
    missing = [sample for sample in samples if str(sample.image_path) not in kept]
    if missing:
        network = _load_teacher(teacher)
        for sample in progress(missing):
            kept[str(sample.image_path)] = _others(sample, network)
        with suppress(OSError, WriteError), atomic_path(cache) as temporary:  # without it the next start takes longer
            temporary.write_text(json.dumps(kept), encoding="utf-8")
    return [np.asarray(kept[name], dtype=np.float32).reshape(-1, 4) for name in names]


def _read(cache: Path) -> dict[str, list[list[float]]]:
    try:
        content: dict[str, list[list[float]]] = json.loads(cache.read_text(encoding="utf-8"))
        return content
    except (OSError, ValueError):
        return {}


def _load_teacher(path: Path) -> Any:
    try:
        return cv2.FaceDetectorYN.create(str(path), "", (320, 320), TEACHER_SCORE)
    except cv2.error as error:
        raise DataError(f"{path}: is not a YuNet file that OpenCV can load") from error


def _others(sample: Sample, teacher: Any) -> list[list[float]]:
    image, truth = read_image(sample.image_path), landmark_box(sample.points)
    found = []
    for side in ASKED_SIDES_PX:
        factor = side / max(image.shape[:2])
        size = (max(32, round(image.shape[1] * factor)), max(32, round(image.shape[0] * factor)))
        teacher.setInputSize(size)
        _, rows = teacher.detect(
            cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        )
        for row in rows if rows is not None else ():
            box = np.array([row[0], row[1], row[0] + row[2], row[1] + row[3]], dtype=np.float32)
            box *= np.array([image.shape[1] / size[0], image.shape[0] / size[1]] * 2, dtype=np.float32)
            if box_iou(box, truth) < OTHER_FACE_IOU:
                found.append([round(float(value), 1) for value in box])
    return found
