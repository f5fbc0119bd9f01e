"""The one preprocessing: training, evaluation, benchmark and live video cut their crops here.

An affine `to_frame` (2, 3) maps crop px to frame px. Pixel centres are integers, so a crop of S pixels covers
-0.5 .. S - 0.5 and scaling happens about (S - 1) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.artifacts.landmark_spec import CROP_SCALE
from sdfl.types import Crop, FloatArray, Image

MEAN_BGR = (103.53, 116.28, 123.675)  # ImageNet mean: border colour here, subtracted in the network's graph
STD_BGR = (57.375, 57.12, 58.395)
REFERENCE_CROP_PX = 256.0  # lengths that must not depend on a network's input size are px of a crop of this side


def landmark_box(points: FloatArray) -> FloatArray:
    """The tight box around points.

    Args:
        points: (N, 2) px.

    Returns:
        (4,) xyxy, same px.
    """
    x, y = points[:, 0], points[:, 1]
    return np.array([x.min(), y.min(), x.max(), y.max()], np.float32)


def box_iou(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union, 0..1, of two (4,) xyxy boxes."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.tolist(), b.tolist()
    inside = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    total = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - inside
    return inside / total if total > 0 else 0.0


def square_around(box: FloatArray, scale: float) -> tuple[FloatArray, float]:
    """The square that crops are cut from.

    Args:
        box: (4,) xyxy px.
        scale: side of the square in longer sides of the box.

    Returns:
        Its centre (2,) px and its side, at least 2 px.
    """
    x0, y0, x1, y1 = box.tolist()
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32)
    return centre, max(x1 - x0, y1 - y0, 2.0 / scale) * scale


def crop_affine(
    centre: npt.NDArray[np.floating] | Sequence[float],
    side_px: float,
    size: int,
    *,
    angle_deg: float = 0.0,
    mirror: bool = False,
) -> FloatArray:
    """The affine of a square region.

    Args:
        centre: (2,) frame px.
        side_px: side of the region in the frame.
        size: crop pixels per side.
        angle_deg: how far the region is turned, clockwise as seen on the screen.
        mirror: whether the crop is flipped left to right.

    Returns:
        (2, 3) float32, crop px -> frame px.
    """
    scale, middle = side_px / size, (size - 1) / 2
    cos, sin = scale * math.cos(math.radians(angle_deg)), scale * math.sin(math.radians(angle_deg))
    a, b = (-cos, -sin) if mirror else (cos, sin)
    x, y = float(centre[0]), float(centre[1])
    return np.array([[a, -sin, x - (a - sin) * middle], [b, cos, y - (b + cos) * middle]], np.float32)


def transform_points(affine: FloatArray, points: FloatArray) -> FloatArray:
    """Move points by an affine.

    Args:
        affine: (2, 3).
        points: (..., 2).

    Returns:
        (..., 2) float32.
    """
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], dtype=np.float32)


def invert_affine(affine: FloatArray) -> FloatArray:
    """The (2, 3) inverse of a (2, 3) affine."""
    return np.asarray(cv2.invertAffineTransform(affine), dtype=np.float32)


def cut_crop(image: Image, to_frame: FloatArray, size: int) -> Crop:
    """Sample a region of a picture: bilinear, with a border of the mean colour.

    Regions more than twice as large as the crop are first averaged down by a whole factor; plain bilinear sampling
    would skip pixels there and make landmarks jitter.

    Args:
        image: (H, W, 3) uint8 BGR.
        to_frame: (2, 3) affine, crop px -> frame px.
        size: crop pixels per side.
    """
    (a, b, _), (c, d, _) = to_frame.tolist()
    factor = int(abs(a * d - b * c) ** 0.5)
    source, local = image, to_frame
    if factor >= 2:
        source, local = _shrink_region(image, to_frame, size, factor)
    pixels = cv2.warpAffine(
        source, local, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=MEAN_BGR
    )
    return Crop(np.asarray(pixels, dtype=np.uint8), to_frame)


def _shrink_region(image: Image, to_frame: FloatArray, size: int, factor: int) -> tuple[Image, FloatArray]:
    """Average the part of `image` under the crop down by `factor`; returns it and the affine into it."""
    height, width = image.shape[:2]
    rows = to_frame.tolist()
    x0, x1 = _reach(rows[0], size, factor, width)
    y0, y1 = _reach(rows[1], size, factor, height)
    out_x, out_y = max((x1 - x0) // factor, 1), max((y1 - y0) // factor, 1)
    small = cv2.resize(image[y0:y1, x0:x1], (out_x, out_y), interpolation=cv2.INTER_AREA)
    affine = np.array(rows)
    for row, low, ratio in ((0, x0, out_x / (x1 - x0)), (1, y0, out_y / (y1 - y0))):
        affine[row] *= ratio
        affine[row, 2] += (0.5 - low) * ratio - 0.5
    return np.asarray(small, dtype=np.uint8), affine.astype(np.float32)


def _reach(row: list[float], size: int, factor: int, limit: int) -> tuple[int, int]:
    """First and last-but-one pixel, along one axis of `limit` pixels, of what a crop needs.

    row: of its affine. The length is a multiple of `factor` where the picture is large enough: whole blocks of pixels
    are averaged exactly, and several times faster.
    """
    along, last = sorted((row[0], 0.0)), size - 0.5
    across = sorted((row[1], 0.0))
    low = row[2] + (along[0] + across[0]) * last - 0.5 * (along[1] + across[1]) - factor
    high = row[2] + (along[1] + across[1]) * last - 0.5 * (along[0] + across[0]) + factor + 1
    first = min(max(math.floor(low), 0), limit - 1)
    end = min(max(math.ceil(high), first + 1), limit)
    spare = -(end - first) % factor
    end = min(end + spare, limit)
    first = max(first - (-(end - first) % factor), 0)
    return first, end


def evaluation_affine(points_or_box: FloatArray, size: int, scale: float = CROP_SCALE) -> FloatArray:
    """The affine of the axis-aligned evaluation crop.

    Args:
        points_or_box: (N, 2) points or a (4,) xyxy box, frame px.
        size: crop pixels per side.
        scale: side of the crop in longer sides of the box.

    Returns:
        (2, 3) float32, crop px -> frame px.
    """
    box = landmark_box(points_or_box) if points_or_box.ndim == 2 else points_or_box
    centre, side_px = square_around(box, scale)
    return crop_affine(centre, side_px, size)


def evaluation_crop(image: Image, points_or_box: FloatArray, size: int, scale: float = CROP_SCALE) -> Crop:
    """The axis-aligned crop around labelled points or a detected box; the arguments of `evaluation_affine`."""
    return cut_crop(image, evaluation_affine(points_or_box, size, scale), size)


def to_reference_px(distances: npt.NDArray[np.floating], size: int) -> FloatArray:
    """Distances in px of a crop of `size` px as px of a crop of REFERENCE_CROP_PX."""
    return np.asarray(distances * (REFERENCE_CROP_PX / size), dtype=np.float32)
