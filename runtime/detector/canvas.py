"""Placing a picture of any size on a canvas of one of a few sizes, so that few networks have to be compiled."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from sdfl.geometry import MEAN_BGR
from sdfl.types import Image

LONGER_SIDE_PX = 320  # larger pictures are shrunk to this
SHORTER_SIDES_PX = (192, 256, 320)  # 16:9 needs 180 px, 4:3 needs 240


@dataclass(frozen=True, eq=False)
class Canvas:
    """A canvas with a picture in its top-left corner.

    Attributes:
        image: (H, W, 3) uint8 BGR; the mean colour where the picture does not reach.
        scale_x: px of the picture's width for each px of the canvas.
        scale_y: px of the picture's height for each px of the canvas.
    """

    image: Image
    scale_x: float
    scale_y: float


def lay_out(image: Image, longer_side_px: int = LONGER_SIDE_PX) -> Canvas:
    """Shrink a picture if it is too large, and place it on the smallest canvas that it fits on.

    Args:
        image: (H, W, 3) uint8 BGR.
        longer_side_px: longer side of the canvas.
    """
    height, width = image.shape[:2]
    factor = min(1.0, longer_side_px / max(height, width))
    w, h = max(1, round(width * factor)), max(1, round(height * factor))
    if (w, h) != (width, height):
        image = np.asarray(cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    shorter = next(
        side for side in (s * longer_side_px // LONGER_SIDE_PX for s in SHORTER_SIDES_PX) if side >= min(w, h)
    )
    size = (shorter, longer_side_px) if w >= h else (longer_side_px, shorter)
    canvas = cv2.copyMakeBorder(image, 0, size[0] - h, 0, size[1] - w, cv2.BORDER_CONSTANT, value=MEAN_BGR)
    return Canvas(np.asarray(canvas, np.uint8), width / w, height / h)
