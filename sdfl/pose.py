"""What landmarks say about a face as a whole: where the head turns, and how far eyes and mouth are open.

The head's pose is that of a generic face whose eye corners and nose are fitted to the landmarks (perspective-n-point:
EPnP, refined by Levenberg-Marquardt). Lips, brows and jaw move by themselves and are left out. The camera is assumed to
be VIEW_DISTANCE outer-eye distances away and to look at the face, so that no calibration is needed; angles are those of
the face to its line of sight. A person's angles differ from the generic face's by a few degrees, so changes are more
accurate than absolute values. Openness is the eye aspect ratio of Soukupova and Cech (CVWW 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from sdfl.layouts import get_layout

VIEW_DISTANCE = 6.5  # outer-eye distances: an arm's length

# Of the generic face, in outer-eye distances: x right and y down as seen by the camera, z away from it. Eye corners
# from the picture's left to its right, then down the nose: root, bridge, bridge, tip; left wing, base, right wing.
RIGID = np.array(
    [
        (-0.50, 0.00, 0.00), (-0.19, 0.01, -0.07), (0.19, 0.01, -0.07), (0.50, 0.00, 0.00),
        (0.00, -0.02, -0.16), (0.00, 0.12, -0.23), (0.00, 0.25, -0.31), (0.00, 0.38, -0.39),
        (-0.15, 0.47, -0.17), (0.00, 0.51, -0.24), (0.15, 0.47, -0.17),
    ]
)  # fmt: skip


class HasLandmarks(Protocol):
    """Points of one face; `sdfl.Landmarks` is one."""

    @property
    def points(self) -> npt.NDArray[np.float32]:
        """(N, 2) px."""
        ...

    @property
    def layout(self) -> str:
        """A name of `sdfl.layouts.LAYOUTS`."""
        ...


@dataclass(frozen=True)
class HeadPose:
    """Degrees. All three are NaN where the landmarks do not tell.

    Attributes:
        yaw: positive where the face is turned to the picture's right.
        pitch: positive where it looks up.
        roll: positive where it is tilted clockwise as seen.
    """

    yaw: float
    pitch: float
    roll: float

    @property
    def is_known(self) -> bool:
        """False where the angles are NaN."""
        return not math.isnan(self.yaw)


@dataclass(frozen=True)
class Openness:
    """Height over width; NaN where the layout lacks the points.

    Attributes:
        left_eye: of the eye on the picture's left; about 0.3 is open, below 0.15 shut.
        right_eye: of the other eye.
        mouth: of the inner lips; 0 is shut.
    """

    left_eye: float
    right_eye: float
    mouth: float

    @property
    def is_known(self) -> bool:
        """False where the values are NaN."""
        return not math.isnan(self.mouth)


UNKNOWN_POSE = HeadPose(math.nan, math.nan, math.nan)
UNKNOWN_OPENNESS = Openness(math.nan, math.nan, math.nan)


def head_pose(landmarks: HasLandmarks) -> HeadPose:
    """Where the head turns.

    Args:
        landmarks: of one face, 68 or 98 points.

    Returns:
        The angles; UNKNOWN_POSE for a layout without the points (cofw29), and for points that no head can have.
    """
    import cv2  # only here: the types of this package load where OpenCV does not

    rigid = get_layout(landmarks.layout).rigid
    if not rigid:
        return UNKNOWN_POSE
    points = landmarks.points[list(rigid)].astype(np.float64)
    size = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
    if not (np.isfinite(points).all() and size > 1e-3):
        return UNKNOWN_POSE
    unit = (points - points.mean(axis=0)) / size  # px do not matter; the fit works on numbers near 1
    camera = np.diag([VIEW_DISTANCE, VIEW_DISTANCE, 1.0])
    try:
        found, turn, shift = cv2.solvePnP(RIGID, unit, camera, None, flags=cv2.SOLVEPNP_EPNP)
        if found:
            turn, shift = cv2.solvePnPRefineLM(RIGID, unit, camera, None, turn, shift)
    except cv2.error:
        return UNKNOWN_POSE
    if not found or not np.isfinite(turn).all() or shift[2, 0] <= 0:
        return UNKNOWN_POSE
    return _angles(np.asarray(cv2.Rodrigues(turn)[0]))


def _angles(rotation: npt.NDArray[Any]) -> HeadPose:
    """rotation: (3, 3), generic face to camera. Yaw and pitch are the nose's direction, roll what is left around it."""
    x, y, z = rotation @ np.array([0.0, 0.0, -1.0])
    yaw, pitch = np.arctan2(x, -z), np.arcsin(np.clip(-y, -1, 1))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turned = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    raised = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    rest = (turned @ raised).T @ rotation
    roll = np.arctan2(rest[1, 0], rest[0, 0])
    return HeadPose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))


def openness(landmarks: HasLandmarks) -> Openness:
    """How far eyes and mouth are open.

    Args:
        landmarks: of one face, 68 or 98 points.

    Returns:
        The ratios; UNKNOWN_OPENNESS for a layout without eyelids and inner lips (cofw29).
    """
    layout = get_layout(landmarks.layout)
    if not layout.eyelids:
        return UNKNOWN_OPENNESS
    return Openness(*(_ratio(landmarks.points, indices) for indices in (*layout.eyelids, layout.inner_lips)))


def _ratio(points: npt.NDArray[np.float32], indices: tuple[int, ...]) -> float:
    """Mean distance of the pairs over that of the corners; 0 where the corners coincide."""
    pairs = points[list(indices)].reshape(-1, 2, 2).astype(np.float64)
    width, *heights = np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1)
    return float(np.mean(heights) / width) if width > 1e-6 else 0.0
