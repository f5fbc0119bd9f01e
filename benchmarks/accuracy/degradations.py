"""Degraded pictures: blurred, dark, compressed, of low resolution; the same for every model.

Each degradation acts on a crop of VIEW_PX, whatever the model's input size; then the crop is resized to that.
"""

from __future__ import annotations

import cv2
import numpy as np

from sdfl.types import Image

VIEW_PX = 256
READ_NOISE = 2.0  # grey levels that a sensor adds, before a dark picture is brightened again

# Axis -> amounts, of which 0 changes nothing. blur: sigma in px of the view. darkness: share of the light that is
# missing; the picture is brightened again, with the noise that then shows. compression: 100 - JPEG quality.
# coarseness: factor by which the resolution is reduced.
DEGRADATIONS: dict[str, tuple[float, ...]] = {
    "blur": (0.0, 1.5, 3.0, 5.0, 7.0),
    "darkness": (0.0, 0.5, 0.75, 0.9, 0.95),
    "compression": (0.0, 60.0, 80.0, 90.0, 95.0),
    "coarseness": (0.0, 2.0, 4.0, 6.0, 8.0),
}


def degrade(view: Image, axis: str, amount: float, rng: np.random.Generator) -> Image:
    """Degrade a crop.

    Args:
        view: (VIEW_PX, VIEW_PX, 3) uint8.
        axis: a key of DEGRADATIONS.
        amount: above 0, in the unit of that axis.
        rng: of the noise.

    Returns:
        A picture of the same shape.
    """
    return _CHANGES[axis](view, amount, rng)


def resized(view: Image, size: int) -> Image:
    """A square picture at `size` px a side: averaged when it shrinks, interpolated when it grows."""
    if size == len(view):
        return view
    how = cv2.INTER_AREA if size < len(view) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(view, (size, size), interpolation=how), np.uint8)


def _blur(view: Image, sigma: float, _: np.random.Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(view, (0, 0), sigma), np.uint8)


def _darken(view: Image, share: float, rng: np.random.Generator) -> Image:
    light = view * (1 - share) + rng.normal(0, READ_NOISE, view.shape)
    return np.clip(np.round(np.clip(np.round(light), 0, 255) / (1 - share)), 0, 255).astype(np.uint8)


def _compress(view: Image, loss: float, _: np.random.Generator) -> Image:
    data = cv2.imencode(".jpg", view, [cv2.IMWRITE_JPEG_QUALITY, round(100 - loss)])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _coarsen(view: Image, times: float, _: np.random.Generator) -> Image:
    small = resized(view, round(len(view) / times))
    return resized(small, len(view))


_CHANGES = {"blur": _blur, "darkness": _darken, "compression": _compress, "coarseness": _coarsen}
