"""The types that all parts share. Shapes are checked when an object is made; units stand in the names.

Pixel coordinates: x right, y down, (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.layouts import get_layout

Image = npt.NDArray[np.uint8]  # (H, W, 3), BGR as OpenCV gives it
FloatArray = npt.NDArray[np.float32]


def require_shape(name: str, array: npt.NDArray[np.generic], shape: tuple[int | str, ...]) -> None:
    """Raise ValueError unless `array` has `shape`; a string in `shape` stands for any size."""
    fits = array.ndim == len(shape) and all(
        isinstance(want, str) or got == want for got, want in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(str(size) for size in shape)
        raise ValueError(f"{name} must have shape ({wanted}), got {array.shape}")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source. image: (H, W, 3) uint8 BGR; timestamp_s: when it was taken, seconds."""

    image: Image
    index: int
    timestamp_s: float

    def __post_init__(self) -> None:
        require_shape("Frame.image", self.image, ("H", "W", 3))


@dataclass(frozen=True, eq=False)
class Box:
    """A detected face. xyxy: (4,) float32 frame px; score: 0..1.

    points: (5, 2) float32 frame px where a detector gives them: the eye on the left as seen, the other eye, nose tip,
    the corner of the mouth on the left, the other corner.
    """

    xyxy: FloatArray
    score: float = 1.0
    points: FloatArray | None = None

    def __post_init__(self) -> None:
        require_shape("Box.xyxy", self.xyxy, (4,))
        if self.points is not None:
            require_shape("Box.points", self.points, (5, 2))


@dataclass(frozen=True, eq=False)
class Crop:
    """A square region of a frame. image: (S, S, 3) uint8 BGR; to_frame: (2, 3) float32 affine, crop px -> frame px."""

    image: Image
    to_frame: FloatArray

    def __post_init__(self) -> None:
        require_shape("Crop.to_frame", self.to_frame, (2, 3))
        require_shape("Crop.image", self.image, (self.image.shape[0], self.image.shape[0], 3))


@dataclass(frozen=True, eq=False)
class Landmarks:
    """points: (N, 2) float32 frame px; layout: a name of `sdfl.layouts.LAYOUTS`."""

    points: FloatArray
    layout: str

    def __post_init__(self) -> None:
        require_shape("Landmarks.points", self.points, (get_layout(self.layout).num_points, 2))


@dataclass(frozen=True, eq=False)
class Face:
    """A tracked face. id: unique while a source runs; presence: 0..1; age_frames: frames since it was found."""

    id: int
    box: Box
    landmarks: Landmarks
    presence: float
    age_frames: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a landmark network says about B crops.

    points: (B, N, 2) float32 crop px. presence: (B,) float32, 0..1, is there a face. log_scale: (B, N) float32,
    natural logarithm of the expected error of each point in crop px.
    """

    points: FloatArray
    presence: FloatArray
    log_scale: FloatArray

    def __post_init__(self) -> None:
        require_shape("Prediction.points", self.points, ("B", "N", 2))
        batch, num_points, _ = self.points.shape
        require_shape("Prediction.presence", self.presence, (batch,))
        require_shape("Prediction.log_scale", self.log_scale, (batch, num_points))


class Backend(Protocol):
    """Runs one landmark network. crops: (B, S, S, 3) uint8 BGR with S = spec.input_size."""

    spec: ModelSpec

    def infer(self, crops: Image) -> Prediction: ...

    def close(self) -> None: ...


class Detector(Protocol):
    """Finds faces in a picture. image: (H, W, 3) uint8 BGR; boxes in frame px, best first."""

    def detect(self, image: Image) -> list[Box]: ...
