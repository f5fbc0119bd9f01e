"""From what Pillow decoded to 8-bit BGR."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.types import Image

_TO_BGR = {"L": cv2.COLOR_GRAY2BGR, "RGB": cv2.COLOR_RGB2BGR, "RGBA": cv2.COLOR_RGBA2BGR}


def to_bgr(picture: Any, bits: int = 16) -> Image:
    """A loaded picture of Pillow as (H, W, 3) uint8 BGR. Transparency is left out, not blended.

    Args:
        picture: `PIL.Image.Image` of any mode.
        bits: of a picture whose mode has 16 or more bits.

    Raises:
        ValueError: it holds numbers that do not say what is black and what is white.
    """
    mode = picture.mode
    if mode.startswith("I"):
        return to_bgr8(np.asarray(picture), bits)
    if mode == "F":
        raise ValueError("holds floating-point numbers; save it with 8 or 16 bits")
    if mode == "LA":
        picture = picture.getchannel("L")
    elif mode == "RGBa":
        picture = picture.convert("RGBA")
    elif mode not in _TO_BGR:
        picture = picture.convert("RGB")
    return np.asarray(cv2.cvtColor(np.asarray(picture), _TO_BGR[picture.mode]), np.uint8)


def to_bgr8(grey: npt.NDArray[Any], bits: int) -> Image:
    """A grey picture of `bits` bits as (H, W, 3) uint8 BGR; the lowest bits are dropped, as OpenCV does."""
    if bits > 16 or grey.min() < 0 or int(grey.max()) >> bits:
        raise ValueError("holds numbers of 32 bits; save it with 8 or 16 bits")
    eight = (grey >> (bits - 8)).astype(np.uint8)
    return np.asarray(cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR), np.uint8)
