"""From the pixels that are stored to the picture that is meant: square pixels, upright, not mirrored, no combs."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from sdfl.pictures.orientation import UPRIGHT, Orientation
from sdfl.types import Image

BLEND = np.array([[0.25], [0.5], [0.25]])  # of a line with its neighbours
MOST_STRETCH = 8  # pixels of a stranger shape are a damaged header


def orientation_of(matrix: bytes) -> Orientation:
    """The orientation that a display matrix asks for.

    Args:
        matrix: nine int32 [a b u; c d v; x y w] as FFmpeg and MP4 keep them: the stored pixel (x, y) is shown at
            (a x + c y, b x + d y). Angles are rounded to quarter turns, as players do.
    """
    a, b, _, c, d = (int(value) for value in np.frombuffer(matrix, np.int32)[:5])
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(transpose=False, flip_x=a < 0, flip_y=d < 0)
    return Orientation(transpose=True, flip_x=c < 0, flip_y=b < 0)


def rotated(degrees: float) -> Orientation:
    """The orientation that turns the stored picture anticlockwise, by the nearest number of quarter turns."""
    quarters = round(degrees / 90) % 4
    return (
        UPRIGHT,
        Orientation(transpose=True, flip_y=True),
        Orientation(flip_x=True, flip_y=True),
        Orientation(transpose=True, flip_x=True),
    )[quarters]


def as_shown(image: Image, pixel_aspect: Fraction | None, orientation: Orientation = UPRIGHT) -> Image:
    """The picture that a player shows.

    Args:
        image: (H, W, 3) uint8 as it is stored.
        pixel_aspect: width of a pixel divided by its height, None for square pixels.
        orientation: how the stored picture is turned.

    Returns:
        (H', W', 3) uint8. Pixels that are not square are made so by enlarging one side, so that none is lost.
    """
    if pixel_aspect and pixel_aspect != 1 and 1 / MOST_STRETCH <= pixel_aspect <= MOST_STRETCH:
        height, width = image.shape[:2]
        wider, higher = max(pixel_aspect, Fraction(1)), max(1 / pixel_aspect, Fraction(1))
        size = (round(width * wider), round(height * higher))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return orientation.turn(image)


def blended(image: Image) -> Image:
    """An interlaced picture without the combs at the edges of what moves.

    Its even and its odd lines were taken at different times. The mean of both lies midway: on the moving sample, points
    are 0.37 px from the true ones there, 0.45 px without blending.

    Args:
        image: (H, W, 3) uint8 whose lines are woven.

    Returns:
        (H, W, 3) uint8.
    """
    return np.asarray(cv2.filter2D(image, -1, BLEND), np.uint8)
