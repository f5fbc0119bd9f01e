"""Augmentation: one affine warp a sample, then colour, blur, compression and occlusion (paper section IV.B)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.artifacts.landmark_spec import CROP_SCALE
from sdfl.errors import ConfigError, shown
from sdfl.geometry import (
    REFERENCE_CROP_PX,
    crop_affine,
    cut_crop,
    invert_affine,
    landmark_box,
    square_around,
    transform_points,
)
from sdfl.layouts import Layout
from sdfl.types import FloatArray, Image

FILLS = ("varied", "colour")


@dataclass(frozen=True)
class AugmentConfig:
    """How crops are varied.

    Attributes:
        rotation_deg: uniform in plus or minus the value, as the next two.
        translation_px: of a crop of 256 px.
        rescale: a fraction of the crop's side.
        flip: probability of a mirrored crop.
        occlusion: probability of a covered rectangle.
        occlusion_area: largest share of the crop that a rectangle covers.
        occlusion_area_min: smallest share.
        occlusion_fill: "varied" covers by one colour, by noise, or by another part of the same crop; "colour" by one
            colour alone.
        colour: probability of other gain, gamma and white balance.
        grey: probability of a grey picture.
        blur: probability of a blur, out of focus or along a line.
        low_resolution: probability of a lower resolution.
        noise: probability of noise.
        jpeg: probability of strong compression.

    Raises:
        ConfigError: names the key that is wrong.
    """

    rotation_deg: float = 40.0
    translation_px: float = 30.0
    rescale: float = 0.10
    flip: float = 0.5
    occlusion: float = 0.5
    occlusion_area: float = 0.2
    occlusion_area_min: float = 0.02
    occlusion_fill: str = "varied"
    colour: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    low_resolution: float = 0.0
    noise: float = 0.0
    jpeg: float = 0.0

    def __post_init__(self) -> None:
        if self.occlusion_fill not in FILLS:
            raise ConfigError(f"augment.occlusion_fill must be {' or '.join(FILLS)}, got {shown(self.occlusion_fill)}")


def face_crop(
    image: Image, points: FloatArray, layout: Layout, size: int, config: AugmentConfig, rng: np.random.Generator
) -> tuple[Image, FloatArray]:
    """Cut a random view of a face.

    Args:
        image: (H, W, 3) uint8 BGR.
        points: (N, 2) px of the picture.
        layout: of the points.
        size: crop px.
        config: how views vary.
        rng: chooses the view.

    Returns:
        The crop (size, size, 3) and its points (N, 2), 0..1 of the crop's side, in another order where it is mirrored.
    """
    centre, side_px = square_around(landmark_box(points), CROP_SCALE)
    shift = rng.uniform(-1, 1, size=2) * config.translation_px / REFERENCE_CROP_PX * side_px
    side_px *= 1 + rng.uniform(-1, 1) * config.rescale
    angle_deg = rng.uniform(-1, 1) * config.rotation_deg
    mirror = bool(rng.random() < config.flip)
    to_frame = crop_affine(centre + shift, side_px, size, angle_deg=angle_deg, mirror=mirror)
    crop_points = transform_points(invert_affine(to_frame), points)
    if mirror:
        crop_points = crop_points[layout.flip_index()]
    crop = degrade(cut_crop(image, to_frame, size).image, config, rng)
    return crop, ((crop_points + 0.5) / size).astype(np.float32)


def no_face_crop(image: Image, points: FloatArray, size: int, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """Cut a crop that no tracker should keep: beside the face, drifted far off it, much too wide or narrow, or flat.

    Pictures show further, unlabelled faces, so that a few of these crops do hold a face.

    Args:
        image: (H, W, 3) uint8 BGR.
        points: (N, 2) px of the picture, the labelled face.
        size: crop px.
        config: how crops vary.
        rng: chooses the crop.
    """
    if rng.random() < 0.1:
        flat = np.full((size, size, 3), rng.integers(0, 256, size=3), dtype=np.float32)
        return np.clip(flat + rng.normal(0, rng.uniform(0, 40), size=flat.shape), 0, 255).astype(np.uint8)
    centre, side_px = square_around(landmark_box(points), CROP_SCALE)
    if rng.random() < 0.25:
        factor = rng.choice([rng.uniform(0.2, 0.4), rng.uniform(2.5, 4.0)])
        where = centre + rng.uniform(-0.3, 0.3, size=2) * side_px
    else:
        factor = np.exp(rng.uniform(-0.5, 0.5))
        direction = rng.uniform(0, 2 * np.pi)
        drifted = centre + rng.uniform(0.6, 1.3) * side_px * np.array([np.cos(direction), np.sin(direction)])
        where = np.clip(drifted, 0, image.shape[1::-1])
        if np.abs(where - centre).max() < 0.6 * side_px:
            where = drifted  # the picture's border pushed it back onto the face: look beyond the border
    to_frame = crop_affine(where.astype(np.float32), side_px * factor, size, angle_deg=rng.uniform(-40, 40))
    return degrade(cut_crop(image, to_frame, size).image, config, rng)


def degrade(crop: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """Change colour, blur, resolution, noise, compression and occlusion, each with its probability.

    Args:
        crop: (S, S, 3) uint8 BGR.
        config: the probabilities.
        rng: chooses.

    Returns:
        A crop of the same shape.
    """
    if rng.random() < config.colour:
        crop = _shift_colour(crop, rng)
    if rng.random() < config.grey:
        crop = np.repeat(np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)[..., None], 3, axis=2)
    if rng.random() < config.occlusion:
        crop = _occlude(crop, config, rng)
    if rng.random() < config.blur:
        crop = _motion_blur(crop, rng)
    if rng.random() < config.low_resolution:
        size = crop.shape[0]
        small = max(16, int(size * rng.uniform(0.25, 0.7)))
        shrunk = cv2.resize(crop, (small, small), interpolation=cv2.INTER_AREA)
        crop = np.asarray(cv2.resize(shrunk, (size, size)), np.uint8)
    if rng.random() < config.noise:
        noisy = crop + rng.normal(0, rng.uniform(2, 15), size=crop.shape)
        crop = np.clip(noisy, 0, 255).astype(np.uint8)
    if rng.random() < config.jpeg:
        _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))])
        crop = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(crop)


def _shift_colour(crop: Image, rng: np.random.Generator) -> Image:
    """Gain, gamma and white balance through one table a channel."""
    ramp = np.linspace(0, 1, 256)
    gamma, gain, offset = np.exp(rng.uniform(-0.5, 0.5)), rng.uniform(0.6, 1.4), rng.uniform(-0.12, 0.12)
    balance = rng.uniform(0.88, 1.12, size=3)
    table = (ramp[:, None] ** gamma - 0.5) * gain + 0.5 + offset
    lut = np.clip(table * balance * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(crop, lut.reshape(1, 256, 3)), dtype=np.uint8)


def _motion_blur(crop: Image, rng: np.random.Generator) -> Image:
    """Out of focus, or moved along a line, by up to a twelfth of the crop."""
    reach = max(3, int(crop.shape[0] * rng.uniform(0.02, 0.08)) | 1)
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(crop, (reach, reach), 0), dtype=np.uint8)
    kernel = np.zeros((reach, reach), dtype=np.float32)
    angle = rng.uniform(0, np.pi)
    tip = (np.array([np.cos(angle), np.sin(angle)]) * (reach // 2)).astype(int)
    middle = reach // 2
    cv2.line(kernel, (middle - tip[0], middle - tip[1]), (middle + tip[0], middle + tip[1]), 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), dtype=np.uint8)


def _occlude(crop: Image, config: AugmentConfig, rng: np.random.Generator) -> Image:
    """Cover a rectangle by one colour, by noise, or by another part of the same crop."""
    size = crop.shape[0]
    smallest = config.occlusion_area_min
    area = rng.uniform(smallest, max(smallest, config.occlusion_area)) * size**2
    aspect = np.exp(rng.uniform(-0.7, 0.7))
    height = min(size, max(1, int(np.sqrt(area * aspect))))
    width = min(size, max(1, int(np.sqrt(area / aspect))))
    top, left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
    kind = rng.integers(3) if config.occlusion_fill == "varied" else 0
    patch: npt.NDArray[np.integer] = rng.integers(0, 256, size=(1, 1, 3))
    if kind == 1:
        patch = rng.integers(0, 256, size=(height, width, 3))
    elif kind == 2:
        source_top, source_left = rng.integers(0, size - height + 1), rng.integers(0, size - width + 1)
        patch = crop[source_top : source_top + height, source_left : source_left + width].copy()
    covered: Image = crop.copy()
    covered[top : top + height, left : left + width] = patch
    return covered
