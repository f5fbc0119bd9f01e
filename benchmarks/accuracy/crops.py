"""Which part of a labelled picture a model is given, and how it is disturbed. All crops are cut by `sdfl.geometry`.

true      the evaluation crop around the labelled points
detected  the same around the box that the built-in detector finds
tracked   the crop that live tracking cuts: upright, around the landmarks that were predicted from the detected crop
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.benchmarks.accuracy.degradations import DEGRADATIONS, VIEW_PX, degrade, resized
from sdfl.datasets import Sample, read_image
from sdfl.evaluation import BATCH_SIZE, detected_region
from sdfl.geometry import (
    MEAN_BGR,
    crop_affine,
    cut_crop,
    evaluation_crop,
    landmark_box,
    square_around,
    transform_points,
)
from sdfl.runtime.tracking.region import region_of_landmarks
from sdfl.types import Backend, Crop, Detector, FloatArray, Image, Landmarks

# Axis -> amounts; "scale" is undisturbed at 1, all others at 0. shift: share of the crop's side, in a random direction.
# scale: factor of the crop's side. rotation_deg: degrees in either direction. occlusion: share of the face's box that a
# rectangle of the mean colour hides. The other axes are those of `sdfl.benchmarks.accuracy.degradations`.
SWEEP: dict[str, tuple[float, ...]] = {
    "shift": (0.0, 0.05, 0.10, 0.15, 0.20),
    "scale": (0.75, 0.85, 1.0, 1.15, 1.30),
    "rotation_deg": (0.0, 10.0, 20.0, 30.0, 45.0),
    "occlusion": (0.0, 0.1, 0.2, 0.3, 0.4),
    **DEGRADATIONS,
}


@dataclass(frozen=True)
class Disturbance:
    """One thing that is wrong with a crop.

    Attributes:
        axis: a key of SWEEP.
        amount: in the unit of that axis.
    """

    axis: str
    amount: float


class BoxFinder:
    """Finds the detector's box of the labelled face of each picture, once for all models."""

    def __init__(self, detector: Detector) -> None:
        """Use `detector`."""
        self._region = detected_region(detector)
        self._boxes: dict[str, FloatArray | None] = {}

    def __call__(self, image: Image, sample: Sample) -> FloatArray | None:
        """The box of the labelled face, (4,) xyxy px; None if the detector misses the face."""
        key = str(sample.image_path)
        if key not in self._boxes:
            self._boxes[key] = self._region(image, sample)
        return self._boxes[key]


def predict(backend: Backend, crops: Sequence[Crop]) -> tuple[list[FloatArray], list[float]]:
    """Run a network over crops.

    Returns:
        The points (N, 2) of each crop in frame px, and its presence 0..1.
    """
    points: list[FloatArray] = []
    presence: list[float] = []
    for start in range(0, len(crops), BATCH_SIZE):
        some = crops[start : start + BATCH_SIZE]
        prediction = backend.infer(np.stack([crop.image for crop in some]))
        points += [transform_points(crop.to_frame, p) for crop, p in zip(some, prediction.points, strict=True)]
        presence += prediction.presence.tolist()
    return points, presence


def tracked_crops(backend: Backend, images: Sequence[Image], points: Sequence[FloatArray]) -> list[Crop]:
    """The crops that tracking would cut from the next frame if nothing moved.

    Args:
        backend: of the network that the crops are for.
        images: (H, W, 3) each.
        points: (N, 2) frame px, one face a picture.
    """
    spec = backend.spec
    return [
        cut_crop(image, region_of_landmarks(Landmarks(p, spec.layout), spec), spec.input_size)
        for image, p in zip(images, points, strict=True)
    ]


def first_crops(
    samples: Sequence[Sample], spec: ModelSpec, boxes: BoxFinder | None
) -> tuple[list[int], list[Image], list[Crop]]:
    """Evaluation crops around the labelled points, or around boxes.

    Args:
        samples: labelled pictures.
        spec: of the network that the crops are for.
        boxes: finds the boxes; None takes the labelled points.

    Returns:
        Indices of the samples whose face was found, their pictures, and their crops.
    """
    indices, images, crops = [], [], []
    for index, sample in enumerate(samples):
        image = read_image(sample.image_path)
        box = landmark_box(sample.points) if boxes is None else boxes(image, sample)
        if box is not None:
            indices.append(index)
            images.append(image)
            crops.append(evaluation_crop(image, box, spec.input_size, spec.crop_scale))
    return indices, images, crops


def disturbed_crop(image: Image, sample: Sample, spec: ModelSpec, by: Disturbance, seed: int) -> Crop:
    """The ground-truth crop with one thing wrong with it.

    Args:
        image: (H, W, 3) BGR.
        sample: its labels.
        spec: of the network that the crop is for.
        by: what is wrong.
        seed: of the random direction and place.
    """
    rng = np.random.default_rng(seed)
    direction, sign = rng.uniform(0, 2 * np.pi), rng.choice([-1.0, 1.0])
    centre, side_px = square_around(landmark_box(sample.points), spec.crop_scale)
    if by.axis in DEGRADATIONS and by.amount:
        view = cut_crop(image, crop_affine(centre, side_px, VIEW_PX), VIEW_PX).image
        degraded = resized(degrade(view, by.axis, by.amount, rng), spec.input_size)
        return Crop(degraded, crop_affine(centre, side_px, spec.input_size))
    angle_deg = 0.0
    if by.axis == "shift":
        centre = centre + by.amount * side_px * np.array([np.cos(direction), np.sin(direction)], np.float32)
    elif by.axis == "scale":
        side_px *= by.amount
    elif by.axis == "rotation_deg":
        angle_deg = sign * by.amount
    elif by.axis == "occlusion":
        image = hide(image, landmark_box(sample.points), by.amount, rng)
    return cut_crop(image, crop_affine(centre, side_px, spec.input_size, angle_deg=angle_deg), spec.input_size)


def hide(image: Image, box: FloatArray, share: float, rng: np.random.Generator) -> Image:
    """Cover a part of a face with the mean colour.

    Args:
        image: (H, W, 3) BGR; it is not changed.
        box: (4,) xyxy px of the face.
        share: of the box that is covered by a rectangle of the same shape.
        rng: draws the place inside the box.
    """
    size = (box[2:] - box[:2]) * np.sqrt(share)
    low = box[:2] + rng.uniform(0, 1, 2) * (box[2:] - box[:2] - size)
    x0, y0, x1, y1 = np.clip(np.round([*low, *(low + size)]), 0, None).astype(int)
    covered: Image = image.copy()
    covered[y0:y1, x0:x1] = np.round(MEAN_BGR)
    return covered
