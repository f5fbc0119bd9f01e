"""PNM: values of a range that Pillow scales one by one, at a quarter of a million pixels in two seconds."""

from __future__ import annotations

from typing import Any, BinaryIO

import cv2
import numpy as np

from sdfl.types import Image


def scaled(file: BinaryIO, picture: Any) -> Image | None:
    """The picture of a binary PGM or PPM whose largest value is not 255.

    Args:
        file: what `picture` was opened from.
        picture: `PIL.PpmImagePlugin.PpmImageFile`, not loaded.

    Returns:
        (H, W, 3) uint8 BGR; None where Pillow decodes the picture as fast.

    Raises:
        ValueError: the file is cut off.
    """
    decoder, _, offset, arguments = picture.tile[0][:4]
    if decoder != "ppm" or not isinstance(arguments, tuple) or not isinstance(arguments[-1], int):
        return None
    width, height = picture.size
    largest, channels = arguments[-1], 3 if picture.mode == "RGB" else 1
    stored = np.dtype(np.uint8 if largest < 256 else ">u2")
    file.seek(offset)
    content = file.read(width * height * channels * stored.itemsize)
    values = np.frombuffer(content, stored).reshape(height, width, channels).astype(np.uint32)
    eight = (np.minimum(values, largest) * 255 // largest).astype(np.uint8)
    return np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_RGB2BGR), np.uint8)
