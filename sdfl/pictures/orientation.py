"""The eight ways in which a picture can be stored: EXIF numbers them, and videos have matrices."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from sdfl.types import Image


class Orientation(NamedTuple):
    """How a stored picture becomes the one that is meant: its axes are swapped first, then the result is mirrored."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def turn(self, image: Image) -> Image:
        """The picture as a viewer shows it.

        Args:
            image: (H, W, 3) uint8 as it is stored.
        """
        if self.transpose:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.flip_x or self.flip_y:
            code = -1 if self.flip_x and self.flip_y else 1 if self.flip_x else 0
            image = np.asarray(cv2.flip(image, code), np.uint8)
        return image


UPRIGHT = Orientation()
_EXIF = {
    2: Orientation(flip_x=True),
    3: Orientation(flip_x=True, flip_y=True),
    4: Orientation(flip_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, flip_x=True),
    7: Orientation(transpose=True, flip_x=True, flip_y=True),
    8: Orientation(transpose=True, flip_y=True),
}


def upright(image: Image, orientation: object) -> Image:
    """The picture as a viewer shows it.

    Args:
        image: (H, W, 3) uint8.
        orientation: EXIF's; anything but 2 to 8 leaves the picture as it is.
    """
    return _EXIF.get(orientation, UPRIGHT).turn(image) if isinstance(orientation, int) else image
