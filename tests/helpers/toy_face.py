"""A face that can be drawn and a "network" that sees it exactly, so that tracking is tested without a model.

The face is a disc, red on the left of the picture and blue on the right. The network finds the centres of mass of both
colours, from which place, size and roll of the face follow.
"""

from __future__ import annotations

import cv2
import numpy as np

from sdfl.geometry import crop_affine, transform_points
from sdfl.types import Box, FloatArray, Image

GROUND = (40, 90, 40)
RED, BLUE = (0, 0, 255), (255, 0, 0)
CENTRES_APART = 8 / (3 * np.pi)  # distance between the centres of mass of the two semicircles, in radii


def template() -> FloatArray:
    """(68, 2) landmarks of a disc of radius 1 at the origin: on two circles, outer eye corners level."""
    angles = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.where(np.arange(68) < 40, 0.9, 0.5)[:, None]
    points[36], points[45] = (-0.6, -0.3), (0.6, -0.3)
    return points.astype(np.float32)


def truth(x: float, y: float, radius: float, roll_deg: float = 0.0) -> FloatArray:
    """(68, 2) landmarks of the face that `draw_face` draws with the same arguments."""
    return transform_points(crop_affine(np.array([x, y], np.float32), radius, 1, angle_deg=roll_deg), template())


def draw_face(image: Image, x: float, y: float, radius: float, roll_deg: float = 0.0) -> None:
    """Draw a face, turned clockwise by `roll_deg`, into `image`."""
    centre, axes = (round(x * 16), round(y * 16)), (round(radius * 16),) * 2
    for start_deg, colour in ((90, RED), (270, BLUE)):
        cv2.ellipse(image, centre, axes, roll_deg, start_deg, start_deg + 180, colour, -1, cv2.LINE_AA, 4)


def scene(*faces: tuple[float, ...], size: tuple[int, int] = (320, 240)) -> Image:
    """A (H, W, 3) picture of `size` (W, H) with faces (x, y, radius[, roll_deg])."""
    image = np.full((size[1], size[0], 3), GROUND, np.uint8)
    for face in faces:
        draw_face(image, *face)
    return image


def toy_network(crop: Image) -> tuple[FloatArray, float]:
    """A network: exact landmarks of the face nearest to the crop's centre, presence 0 where there is none."""
    red, blue = (_centre_of_mass(crop, channel) for channel in (2, 0))
    if red is None or blue is None:
        return np.zeros((68, 2), np.float32), 0.0
    across = blue - red
    radius = float(np.hypot(*across)) / CENTRES_APART
    roll_deg = float(np.rad2deg(np.arctan2(across[1], across[0])))
    x, y = (red + blue) / 2
    return truth(x, y, radius, roll_deg), 1.0


def _centre_of_mass(crop: Image, channel: int) -> FloatArray | None:
    mask = (crop[..., channel] > 170) & (crop[..., 1] < 60)
    count, labels, _, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return None
    middle = (len(crop) - 1) / 2
    nearest = 1 + int(np.argmin(np.linalg.norm(centres[1:] - middle, axis=1)))
    rows, columns = np.nonzero(labels == nearest)
    return np.array([columns.mean(), rows.mean()], np.float32) if len(rows) > 20 else None


def box_of(x: float, y: float, radius: float) -> Box:
    """The box that a detector would give for a face."""
    return Box(np.array([x - radius, y - radius, x + radius, y + radius], np.float32))
