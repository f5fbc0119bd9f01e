"""What the network sees in regions of a frame, all in one inference, and what of it counts as a face.

Nothing here runs the network: generators yield the crops that it shall see, and are sent what it says about them. Their
driver, `sdfl.runtime.tracking.lockstep`, can so put the crops of several videos into one inference.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.geometry import cut_crop, landmark_box, transform_points
from sdfl.types import FloatArray, Image, Landmarks, Prediction

MIN_FACE_PX = 8.0
MAX_FACE_FRAMES = 4.0  # something that many times larger than the frame is no face
LARGEST_BATCH = 32  # more regions take several inferences, so that memory stays bounded
MAX_LOG_SCALE = 5.0  # larger errors than e^5 = 148 crop px make no difference

T = TypeVar("T")
Inferring: TypeAlias = Generator[Image, Prediction, T]
"""Yields crops (B, S, S, 3) uint8 BGR with B of at most LARGEST_BATCH, is sent their prediction, and returns a T."""


@dataclass(frozen=True, eq=False)
class Observation:
    """What the network saw in one region.

    Attributes:
        landmarks: in frame px, not smoothed.
        presence: 0..1, how sure the network is that there is a face.
        spread: (N,) expected error of each landmark, frame px.
        box: (4,) xyxy frame px, around the landmarks.
    """

    landmarks: Landmarks
    presence: float
    spread: FloatArray
    box: FloatArray

    @property
    def middle(self) -> tuple[float, float]:
        """Centre of the box, px."""
        x0, y0, x1, y1 = self.box.tolist()
        return (x0 + x1) / 2, (y0 + y1) / 2


def observe(spec: ModelSpec, image: Image, regions: Sequence[FloatArray]) -> Inferring[list[Observation]]:
    """Ask for the network's view of regions of a frame.

    Args:
        spec: of the network.
        image: (H, W, 3) uint8 BGR, the frame.
        regions: (2, 3) affines, crop px -> frame px.

    Returns:
        One observation per region.
    """
    observations: list[Observation] = []
    for start in range(0, len(regions), LARGEST_BATCH):
        part = regions[start : start + LARGEST_BATCH]
        crops = [cut_crop(image, region, spec.input_size).image for region in part]
        seen = yield crops[0][None] if len(crops) == 1 else np.stack(crops)
        for region, points, presence, log_scale in zip(part, seen.points, seen.presence, seen.log_scale, strict=True):
            placed = transform_points(region, points)
            spread = np.exp(np.minimum(log_scale, MAX_LOG_SCALE)) * math.hypot(region[0, 0], region[1, 0])
            landmarks = Landmarks(placed, spec.layout)
            observations.append(Observation(landmarks, float(presence), spread, landmark_box(placed)))
    return observations


def is_face(seen: Observation, image: Image, min_presence: float) -> bool:
    """Whether an observation is of a face that the next crop can be cut around.

    Args:
        seen: the observation.
        image: (H, W, 3), the frame.
        min_presence: the least presence of a face.
    """
    x0, y0, x1, y1 = seen.box.tolist()
    if not (seen.presence >= min_presence and math.isfinite(x0 + y0 + x1 + y1)):
        return False
    height, width = image.shape[:2]
    inside = 0 <= x0 + x1 < 2 * width and 0 <= y0 + y1 < 2 * height
    return bool(inside and MIN_FACE_PX <= max(x1 - x0, y1 - y0) <= MAX_FACE_FRAMES * max(width, height))
