"""How well a detector finds labelled faces, and how often it sees one where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.geometry import box_iou, landmark_box
from sdfl.types import Detector, FloatArray, Image

FOUND_IOU = 0.5  # a box that overlaps a labelled face by as much has found it
PICTURE_PX = (240, 320)  # height, width of a picture that a face is pasted into
Progress = Callable[[Iterable[Any]], Iterable[Any]]


def face_score(detector: Detector, image: Image, truth: FloatArray) -> float:
    """The score of a labelled face.

    Args:
        detector: what to measure.
        image: (H, W, 3) uint8 BGR.
        truth: (4,) xyxy box of the face.

    Returns:
        The best score of a box that overlaps it by an IoU of SAME_FACE_IOU or more; 0 where there is none.
    """
    return max((box.score for box in detector.detect(image) if box_iou(box.xyxy, truth) >= FOUND_IOU), default=0.0)


def labelled_scores(
    detector: Detector, samples: Sequence[Sample], progress: Progress = lambda steps: steps
) -> FloatArray:
    """The `face_score` of the labelled face of each picture; the share above a threshold is the recall there.

    Args:
        detector: what to measure.
        samples: M pictures.
        progress: wraps the pictures, for a progress bar.

    Returns:
        (M,).
    """
    scores = [
        face_score(detector, read_image(sample.image_path), landmark_box(sample.points)) for sample in progress(samples)
    ]
    return np.array(scores, dtype=np.float32)


def pasted_scores(
    detector: Detector, samples: Sequence[Sample], backgrounds: Sequence[Image], face_px: float,
    progress: Progress = lambda steps: steps,
) -> FloatArray:  # fmt: skip
    """The `face_score` of labelled faces of a chosen size, each pasted over a picture without a face.

    Args:
        detector: what to measure.
        samples: M pictures, whose faces are pasted; the place depends on the sample's number alone.
        backgrounds: pictures without a face, used in turns.
        face_px: longer side of a face's box.
        progress: wraps the pictures, for a progress bar.

    Returns:
        (M,).
    """
    scores = []
    for index, sample in enumerate(progress(samples)):
        rng = np.random.default_rng([index, int(face_px)])
        image, truth = pasted_face(sample, backgrounds[index % len(backgrounds)], face_px, rng)
        scores.append(face_score(detector, image, truth))
    return np.array(scores, dtype=np.float32)


def pasted_face(
    sample: Sample, background: Image, face_px: float, rng: np.random.Generator
) -> tuple[Image, FloatArray]:
    """Paste a picture, scaled by the size of its face, over a picture without a face of 320 x 240 px.

    Args:
        sample: the labelled picture.
        background: (H, W, 3) uint8 BGR.
        face_px: longer side of the face's box.
        rng: chooses the place.

    Returns:
        The picture and the (4,) xyxy box of its face.
    """
    height, width = PICTURE_PX
    window, box = read_image(sample.image_path), landmark_box(sample.points)
    factor = face_px / float((box[2:] - box[:2]).max())
    size = np.maximum(1, np.round(np.array(window.shape[1::-1]) * factor)).astype(int)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    window = np.asarray(cv2.resize(window, (int(size[0]), int(size[1])), interpolation=way), np.uint8)
    box = box * factor
    room = np.maximum(np.array([width, height]) - (box[2:] - box[:2]), 0)
    left, top = np.round(rng.uniform(0, 1, size=2) * room - box[:2]).astype(int)
    image = np.asarray(cv2.resize(background, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + size[0], width), min(top + size[1], height)
    image[y0:y1, x0:x1] = window[y0 - top : y1 - top, x0 - left : x1 - left]
    return image, (box + np.array([left, top, left, top])).astype(np.float32)


def false_scores(detector: Detector, crops: Sequence[Image], progress: Progress = lambda steps: steps) -> FloatArray:
    """The best score in each crop without a face.

    Args:
        detector: what to measure.
        crops: M crops (H, W, 3) uint8 BGR.
        progress: wraps the pictures, for a progress bar.

    Returns:
        (M,), 0 where nothing was found.
    """
    return np.array([max((b.score for b in detector.detect(c)), default=0.0) for c in progress(crops)], np.float32)


def share_above(scores: FloatArray, threshold: float) -> float:
    """The share of scores from a threshold on.

    Args:
        scores: (M,).
        threshold: a score.

    Returns:
        0..1: the recall for `labelled_scores`, the rate of false detections for `false_scores`.
    """
    return float((scores >= threshold).mean())


def lowest_threshold(false: FloatArray, share: float) -> float:
    """The lowest threshold with few false detections.

    Args:
        false: (M,) of `false_scores`.
        share: of the crops without a face that may hold a detection, 0..1.

    Returns:
        A threshold in hundredths.
    """
    return next(step / 100 for step in range(1, 101) if share_above(false, step / 100) <= share)
