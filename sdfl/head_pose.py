"""What 68 or 98 landmarks say about a face as a whole: where the head turns, how far eyes and mouth are open.

The head's pose is that of a generic face whose eye corners and nose are fitted to the landmarks (perspective-n-point,
EPnP refined by Levenberg and Marquardt); lips, brows and jaw move by themselves and have no say. The camera is
supposed to be VIEW_DISTANCE outer-eye distances away and to look at the face, so that none has to be calibrated and
angles are those of the face to its line of sight. Eyes: the aspect ratio of Soukupova and Cech (2016). A person's
angles differ from the generic face's by a few degrees; changes are truer than values.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sdfl.types import FloatArray, Landmarks

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


@dataclass(frozen=True)
class Places:
    """Indices of a layout. rigid: in the order of RIGID. eyes, mouth: two corners, then pairs of upper and lower lid or
    inner lip."""

    rigid: tuple[int, ...]
    eyes: tuple[tuple[int, ...], tuple[int, ...]]
    mouth: tuple[int, ...]


PLACES = {
    "ibug68": Places(
        (36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35),
        ((36, 39, 37, 41, 38, 40), (42, 45, 43, 47, 44, 46)),
        (60, 64, 61, 67, 62, 66, 63, 65),
    ),
    "wflw98": Places(
        (60, 64, 68, 72, 51, 52, 53, 54, 55, 57, 59),
        ((60, 64, 61, 67, 62, 66, 63, 65), (68, 72, 69, 75, 70, 74, 71, 73)),
        (88, 92, 89, 95, 90, 94, 91, 93),
    ),
}


@dataclass(frozen=True)
class HeadPose:
    """Degrees. yaw_deg: turned to the picture's right. pitch_deg: looking up. roll_deg: tilted clockwise as seen."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True)
class Openness:
    """Height over width. eyes: the one on the picture's left, then the other; about 0.3 open, below 0.15 shut. mouth:
    of the inner lips, 0 shut."""

    eyes: tuple[float, float]
    mouth: float


def head_pose(landmarks: Landmarks) -> HeadPose | None:
    """None for a layout without the points (cofw29), and for points that no head can have."""
    places = PLACES.get(landmarks.layout)
    if places is None:
        return None
    points = landmarks.points[list(places.rigid)].astype(np.float64)
    size = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
    if not (np.isfinite(points).all() and size > 1e-3):
        return None
    unit = (points - points.mean(axis=0)) / size  # px do not matter; the fit works on numbers near 1
    camera = np.diag([VIEW_DISTANCE, VIEW_DISTANCE, 1.0])
    try:
        found, turn, shift = cv2.solvePnP(RIGID, unit, camera, None, flags=cv2.SOLVEPNP_EPNP)
        if found:
            turn, shift = cv2.solvePnPRefineLM(RIGID, unit, camera, None, turn, shift)
    except cv2.error:
        return None
    if not found or not np.isfinite(turn).all() or shift[2, 0] <= 0:
        return None
    return _angles(np.asarray(cv2.Rodrigues(turn)[0]))


def _angles(rotation: np.ndarray) -> HeadPose:
    """rotation: (3, 3), generic face to camera. Yaw and pitch are the nose's direction, roll what is left around it."""
    x, y, z = rotation @ np.array([0.0, 0.0, -1.0])
    yaw, pitch = np.arctan2(x, -z), np.arcsin(np.clip(-y, -1, 1))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turned = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    raised = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    rest = (turned @ raised).T @ rotation
    roll = np.arctan2(rest[1, 0], rest[0, 0])
    return HeadPose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))


def openness(landmarks: Landmarks) -> Openness | None:
    """None for a layout without lids and inner lips (cofw29)."""
    places = PLACES.get(landmarks.layout)
    if places is None:
        return None
    left, right, mouth = (_ratio(landmarks.points, indices) for indices in (*places.eyes, places.mouth))
    return Openness((left, right), mouth)


def _ratio(points: FloatArray, indices: tuple[int, ...]) -> float:
    """Mean distance of the pairs over that of the corners; 0 where the corners coincide."""
    pairs = points[list(indices)].reshape(-1, 2, 2).astype(np.float64)
    width, *heights = np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1)
    return float(np.mean(heights) / width) if width > 1e-6 else 0.0
