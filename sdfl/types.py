"""The types that all parts share. Shapes are checked when an object is made; units stand in the names.

Pixel coordinates: x right, y down; (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, overload

import numpy as np
import numpy.typing as npt

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.checks import require_shape
from sdfl.errors import ConfigError
from sdfl.layouts import get_layout
from sdfl.pose import HeadPose, Openness, head_pose, openness

Image = npt.NDArray[np.uint8]  # (H, W, 3), BGR as OpenCV gives it
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        index: 0 for the source's first picture.
        timestamp_s: of a file, its place in the clip in seconds; of a camera or stream, a clock's reading at the
            capture.
        source: the file of this picture, where every picture has its own; None for videos and cameras.
    """

    image: Image
    index: int
    timestamp_s: float
    source: Path | None = None

    def __post_init__(self) -> None:
        require_shape("Frame.image", self.image, ("H", "W", 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"Frame.image must be uint8, got {self.image.dtype}")

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        return f"Frame({width} x {height}, index={self.index}, timestamp_s={self.timestamp_s:.3f})"


@dataclass(frozen=True, eq=False)
class Box:
    """A detected face.

    Attributes:
        xyxy: (4,) float32 frame px: left, top, right, bottom.
        score: 0..1.
        points: (5, 2) float32 frame px where a detector gives them: the eye on the left as seen, the other eye, the
            tip of the nose, the corner of the mouth on the left, the other corner.
    """

    xyxy: FloatArray
    score: float = 1.0
    points: FloatArray | None = None

    def __post_init__(self) -> None:
        require_shape("Box.xyxy", self.xyxy, (4,))
        if self.points is not None:
            require_shape("Box.points", self.points, (5, 2))

    def __repr__(self) -> str:
        return f"Box([{_rounded(self.xyxy)}], score={self.score:.2f})"


@dataclass(frozen=True, eq=False)
class Crop:
    """A square region of a frame.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        to_frame: (2, 3) float32 affine, crop px -> frame px.
    """

    image: Image
    to_frame: FloatArray

    def __post_init__(self) -> None:
        require_shape("Crop.to_frame", self.to_frame, (2, 3))
        require_shape("Crop.image", self.image, (self.image.shape[0], self.image.shape[0], 3))


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The N points of one face.

    Behaves like an array of points: `len(landmarks)`, `landmarks[36]`, `landmarks[36:42]` and `np.asarray(landmarks)`
    work. Parts have names: `landmarks.left_eye` is the eye on the left of the picture, the person's right one.

    Attributes:
        points: (N, 2) float32 frame px.
        layout: their order, a name of `sdfl.layouts.LAYOUTS`.
    """

    points: FloatArray
    layout: str

    def __post_init__(self) -> None:
        require_shape("Landmarks.points", self.points, (get_layout(self.layout).num_points, 2))

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[FloatArray]:
        return iter(self.points)

    @overload
    def __getitem__(self, index: int | slice | npt.NDArray[Any]) -> FloatArray: ...

    @overload
    def __getitem__(self, index: str) -> FloatArray: ...

    def __getitem__(self, index: int | slice | npt.NDArray[Any] | str) -> FloatArray:
        return self.part(index) if isinstance(index, str) else np.asarray(self.points[index])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False and dtype is not None and np.dtype(dtype) != self.points.dtype:
            raise ValueError(f"landmarks are float32; {np.dtype(dtype)} needs a copy")
        return np.array(self.points, dtype=dtype) if copy else np.asarray(self.points, dtype=dtype)

    def __repr__(self) -> str:
        return f"Landmarks({self.layout}, {len(self)} points)"

    def part(self, name: str) -> FloatArray:
        """The points of one part of the face.

        Args:
            name: "jaw", "left_brow", "right_brow", "nose", "left_eye", "right_eye" or "mouth"; left and right as seen
                in the picture.

        Returns:
            (M, 2) float32 frame px, in the layout's order.

        Raises:
            ConfigError: lists the parts.
        """
        parts = get_layout(self.layout).parts
        if name not in parts:
            raise ConfigError(f"a part must be one of {', '.join(parts)}, got {name!r}")
        return np.asarray(self.points[list(parts[name])])

    @property
    def jaw(self) -> FloatArray:
        """(M, 2) frame px of the jaw line, from the picture's left to its right."""
        return self.part("jaw")

    @property
    def left_brow(self) -> FloatArray:
        """(M, 2) frame px of the brow on the picture's left."""
        return self.part("left_brow")

    @property
    def right_brow(self) -> FloatArray:
        """(M, 2) frame px of the brow on the picture's right."""
        return self.part("right_brow")

    @property
    def nose(self) -> FloatArray:
        """(M, 2) frame px of the nose."""
        return self.part("nose")

    @property
    def left_eye(self) -> FloatArray:
        """(M, 2) frame px of the eye on the picture's left."""
        return self.part("left_eye")

    @property
    def right_eye(self) -> FloatArray:
        """(M, 2) frame px of the eye on the picture's right."""
        return self.part("right_eye")

    @property
    def mouth(self) -> FloatArray:
        """(M, 2) frame px of the lips."""
        return self.part("mouth")


@dataclass(frozen=True, eq=False)
class Face:
    """A face that was found in a picture, or is followed through a video.

    Attributes:
        id: unique while a source runs.
        box: around the landmarks.
        landmarks: the points.
        presence: 0..1, how sure the network is that it looks at a face.
        age_frames: frames since it was found.
    """

    id: int
    box: Box
    landmarks: Landmarks
    presence: float
    age_frames: int

    def __repr__(self) -> str:
        return f"Face(id={self.id}, box=[{_rounded(self.box.xyxy)}], presence={self.presence:.2f}, {self.landmarks})"

    @cached_property
    def pose(self) -> HeadPose:
        """Where the head turns, degrees; see `sdfl.pose.head_pose`. NaN for a layout that does not tell."""
        return head_pose(self.landmarks)

    @cached_property
    def openness(self) -> Openness:
        """How far eyes and mouth are open; see `sdfl.pose.openness`. NaN for a layout that does not tell."""
        return openness(self.landmarks)

    @property
    def eye_openness(self) -> tuple[float, float]:
        """Of the eye on the picture's left and of the other one: about 0.3 is open, below 0.15 shut."""
        return self.openness.left_eye, self.openness.right_eye

    @property
    def mouth_openness(self) -> float:
        """Height over width of the inner lips: 0 is shut."""
        return self.openness.mouth

    def to_dict(self) -> dict[str, Any]:
        """The face as `sdfl track` writes it into a JSON line: numbers and lists only.

        Returns:
            "id"; "box" [left, top, right, bottom] and "points" [[x, y], ...] in frame px; "presence" 0..1; and where
            the layout tells, "pose" with "yaw_deg", "pitch_deg" and "roll_deg", "left_eye_open", "right_eye_open" and
            "mouth_open".
        """
        table: dict[str, Any] = {
            "id": self.id,
            "box": [round(value, 2) for value in self.box.xyxy.tolist()],
            "points": [[round(x, 2), round(y, 2)] for x, y in self.landmarks.points.tolist()],
            "presence": round(self.presence, 4),
        }
        if self.pose.is_known:
            table["pose"] = {f"{name}_deg": round(angle, 2) for name, angle in vars(self.pose).items()}
        if self.openness.is_known:
            table |= {f"{name}_open": round(value, 4) for name, value in vars(self.openness).items()}
        return table


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a landmark network says about B crops.

    Attributes:
        points: (B, N, 2) float32 crop px.
        presence: (B,) float32, 0..1, is there a face.
        log_scale: (B, N) float32, natural logarithm of the expected error of each point in crop px.
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
    """Runs one landmark network, called from one thread at a time. The smallest is `sdfl.runtime.backends.fake`'s.

    Attributes:
        spec: what the network expects and gives.
    """

    spec: ModelSpec

    def infer(self, crops: Image) -> Prediction:
        """crops: (B, S, S, 3) uint8 BGR with S = spec.input_size."""
        ...

    def close(self) -> None:
        """Free the network. May be called twice."""
        ...


class Detector(Protocol):
    """Finds faces in a picture, called from one thread at a time. The smallest is `sdfl.runtime.detector.fake`'s."""

    def detect(self, image: Image) -> list[Box]:
        """image: (H, W, 3) uint8 BGR. Returns boxes in frame px, best first."""
        ...


def _rounded(values: FloatArray) -> str:
    return ", ".join(f"{value:.0f}" for value in values.tolist())
