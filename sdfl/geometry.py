"""The one preprocessing: training, evaluation, benchmark and live video cut their crops here.

An affine `to_frame` (2, 3) maps crop px to frame px. Pixel centres are integers, so a crop of S pixels covers
-0.5 .. S - 0.5 and scaling happens about (S - 1) / 2.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.core import Crop, FloatArray, Image

MEAN_BGR = (103.53, 116.28, 123.675)  # ImageNet mean: border colour here, subtracted in the network's graph
STD_BGR = (57.375, 57.12, 58.395)


def landmark_box(points: FloatArray) -> FloatArray:
    """points: (N, 2). Returns (4,) xyxy, the tight box around them, same px."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)


def box_iou(a: FloatArray, b: FloatArray) -> float:
    """Intersection over union of two (4,) xyxy boxes."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = float(np.prod(np.clip(high - low, 0, None)))
    total = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - inside
    return inside / total if total > 0 else 0.0


def square_around(box: FloatArray, scale: float) -> tuple[FloatArray, float]:
    """box: (4,) xyxy px. Returns the centre (2,) and the side (at least 2 px) of a square `scale` x its longer side."""
    centre = (box[:2] + box[2:]) / 2
    return centre.astype(np.float32), float(max(box[2] - box[0], box[3] - box[1], 2.0 / scale) * scale)


def crop_affine(
    centre: npt.NDArray[np.floating], side_px: float, size: int, *, angle_deg: float = 0.0, mirror: bool = False
) -> FloatArray:
    """The (2, 3) affine crop px -> frame px of a square region.

    centre: (2,) frame px. side_px: side of the region in the frame. size: crop pixels per side.
    angle_deg: how far the region is turned, clockwise as seen on the screen. mirror: flip the crop left to right.
    """
    scale = side_px / size
    angle = np.deg2rad(angle_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = scale * turn @ np.diag([-1.0 if mirror else 1.0, 1.0])
    offset = np.asarray(centre, dtype=np.float64) - linear @ np.full(2, (size - 1) / 2)
    return np.column_stack([linear, offset]).astype(np.float32)


def transform_points(affine: FloatArray, points: FloatArray) -> FloatArray:
    """affine: (2, 3); points: (..., 2). Returns (..., 2) float32."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], dtype=np.float32)


def invert_affine(affine: FloatArray) -> FloatArray:
    """The (2, 3) inverse of a (2, 3) affine."""
    return np.asarray(cv2.invertAffineTransform(affine), dtype=np.float32)


def cut_crop(image: Image, to_frame: FloatArray, size: int) -> Crop:
    """Sample `image` through `to_frame` into a size x size crop: bilinear, border of the mean colour.

    Regions more than twice as large as the crop are first averaged down by a whole factor; plain bilinear sampling
    would skip pixels there and make landmarks jitter.
    """
    factor = int(np.sqrt(abs(np.linalg.det(to_frame[:, :2]))))
    source, local = image, to_frame
    if factor >= 2:
        source, local = _shrink_region(image, to_frame, size, factor)
    pixels = cv2.warpAffine(
        source, local, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=MEAN_BGR
    )
    return Crop(np.asarray(pixels, dtype=np.uint8), to_frame)


def _shrink_region(image: Image, to_frame: FloatArray, size: int, factor: int) -> tuple[Image, FloatArray]:
    """Average the part of `image` under the crop down by `factor`; returns it and the affine into it."""
    last = size - 0.5
    corners = transform_points(to_frame, np.array([[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]], np.float32))
    height, width = image.shape[:2]
    low = np.floor(corners.min(axis=0)).astype(int) - factor
    high = np.ceil(corners.max(axis=0)).astype(int) + factor + 1
    low = np.clip(low, 0, [width - 1, height - 1])
    high = np.clip(high, low + 1, [width, height])
    out = np.maximum((high - low + factor - 1) // factor, 1)
    region = image[low[1] : high[1], low[0] : high[0]]
    small = cv2.resize(region, (int(out[0]), int(out[1])), interpolation=cv2.INTER_AREA)
    ratio = out / (high - low)  # exact per axis, also where the region is no multiple of the factor
    to_small = np.column_stack([np.diag(ratio), (0.5 - low) * ratio - 0.5])
    linear = to_small[:, :2] @ to_frame[:, :2]
    offset = to_small[:, :2] @ to_frame[:, 2] + to_small[:, 2]
    return np.asarray(small, dtype=np.uint8), np.column_stack([linear, offset]).astype(np.float32)


def evaluation_affine(points_or_box: FloatArray, size: int, scale: float) -> FloatArray:
    """The axis-aligned evaluation crop: (N, 2) points or a (4,) xyxy box -> (2, 3) affine crop px -> frame px."""
    box = landmark_box(points_or_box) if points_or_box.ndim == 2 else points_or_box
    centre, side_px = square_around(box, scale)
    return crop_affine(centre, side_px, size)
