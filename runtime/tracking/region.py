"""Which region of a frame the network is given. Pure geometry; `sdfl.geometry` cuts the crop itself."""

from __future__ import annotations

import math

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.geometry import crop_affine, landmark_box, square_around
from sdfl.layouts import get_layout
from sdfl.types import FloatArray, Landmarks


def eye_line_angle_deg(landmarks: Landmarks) -> float:
    """The angle of the line through the outer eye corners, clockwise as seen on the screen; 0 for an upright face."""
    left, right = get_layout(landmarks.layout).eye_corners
    x, y = (landmarks.points[right] - landmarks.points[left]).tolist()
    return math.degrees(math.atan2(y, x))


def region_of_landmarks(landmarks: Landmarks, spec: ModelSpec) -> FloatArray:
    """The region around a face, turned so that the face is upright in the crop.

    Its side is `spec.crop_scale` times the longer side of the landmarks' box, which is measured along the turned axes.

    Args:
        landmarks: of the face.
        spec: of the network that the crop is for.

    Returns:
        (2, 3) float32 affine, crop px -> frame px.
    """
    angle_deg = eye_line_angle_deg(landmarks)
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    upright = landmarks.points @ np.array([[cos, -sin], [sin, cos]], np.float32)  # turned back about the origin
    (x, y), side_px = square_around(landmark_box(upright), spec.crop_scale)
    return crop_affine((cos * x - sin * y, sin * x + cos * y), side_px, spec.input_size, angle_deg=angle_deg)
