"""From a rendered head to a photograph: exposure, background, and the faults of cameras and files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.datasets import read_image
from sdfl.train.synthetic.assets import Array
from sdfl.train.synthetic.person import Rng
from sdfl.train.synthetic.skin import noise
from sdfl.types import Image


def draw_background(rng: Rng, size: tuple[int, int], panorama: Array, pictures: Sequence[Path]) -> Array:
    """(H, W, 3) RGB as shown, 0..1: the surroundings, a picture of the user, or walls, stripes and blobs of colour.

    Args:
        rng: of the background.
        size: width and height in px.
        panorama: (h, w, 3) linear, the surroundings that light the head.
        pictures: of the user; half of the backgrounds if there are any.

    Raises:
        DataError: a picture cannot be read.
    """
    width, height = size
    if pictures and rng.random() < 0.5:
        source = read_image(pictures[int(rng.integers(len(pictures)))])[..., ::-1] / np.float32(255)
        return _blurred(_crop(source, size, rng.uniform(0.4, 1.0), rng), rng)
    if rng.random() < 0.65:
        rows = panorama.shape[0]
        turned = np.roll(panorama, int(rng.integers(panorama.shape[1])), axis=1)[rows // 5 : 4 * rows // 5, :rows]
        shown = np.clip(turned * rng.uniform(0.4, 1.3), 0, 1) ** (1 / 2.2)
        return _blurred(_crop(shown.astype(np.float32), size, rng.uniform(0.5, 1.0), rng), rng)
    side = max(size)
    down, right = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    turn, period = rng.uniform(0, np.pi), rng.uniform(2, 40)
    waves = np.sin((np.cos(turn) * right + np.sin(turn) * down) * 2 * np.pi * period)
    blobs = sum(noise(rng, cells, side) / cells**0.4 for cells in (2, 5, 13, 40, 110))
    kinds = (down, np.clip(waves * 4, -1, 1) * 0.5 + 0.5, np.clip(0.5 + 0.5 * np.asarray(blobs), 0, 1))
    share = kinds[rng.integers(3)][..., None]
    colours = _colours(rng)
    out = next(colours) * (1 - share) + next(colours) * share + 0.04 * np.asarray(blobs)[..., None]
    for _ in range(int(rng.integers(0, 14))):  # furniture, windows, signs
        corners = rng.uniform(-0.2, 1.2, 2) * side + rng.uniform(-0.4, 0.4, (4, 2)) * side
        cv2.fillConvexPoly(out, cv2.convexHull(corners.astype(np.int32)), next(colours).tolist(), cv2.LINE_AA)
    return _blurred(np.clip(out[:height, :width], 0, 1).astype(np.float32), rng)


def develop(
    render: Array, background: Array, rng: Rng, *, skin: npt.NDArray[np.bool_], brightness: float, frame: int = 0
) -> Image:
    """The photograph.

    Args:
        render: (H, W, 4) linear RGB, multiplied by the opacity in the last channel.
        background: (H, W, 3) RGB as shown, 0..1.
        rng: of the faults.
        skin: (H, W), where the face is.
        brightness: of the face as shown, 0..1.

        frame: of a clip; each has noise of its own.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    render = np.asarray(
        cv2.GaussianBlur(render, (0, 0), rng.uniform(0.45, 0.7))
    )  # what a lens does to the edges of hairs
    opacity = np.clip(render[..., 3:], 0, 1)
    solid = render[..., :3][skin & (opacity[..., 0] > 0.9)]
    middle = float(np.quantile(solid.mean(axis=1), 0.65)) if len(solid) else 0.2
    linear = render[..., :3] * (brightness**2.2 / max(middle, 0.004))
    linear = np.where(linear > 0.7, 0.7 + 0.3 * np.tanh((linear - 0.7) / 0.3), linear)
    shown = np.clip(linear + background**2.2 * (1 - opacity), 0, 1) ** (1 / 2.2)
    shown = ((shown - 0.5) * rng.uniform(0.85, 1.15) + 0.5) * np.exp(rng.normal(0, 0.04, 3))
    if rng.random() < 0.06:
        shown = shown.mean(axis=2, keepdims=True).repeat(3, axis=2)
    if rng.random() < 0.3:
        shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < 0.15:
        small = cv2.resize(shown, None, fx=(scale := rng.uniform(0.25, 0.7)), fy=scale, interpolation=cv2.INTER_AREA)
        shown = cv2.resize(small, shown.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    strength = rng.uniform(0, 0.025)
    grain = np.random.default_rng([int(rng.integers(2**31)), frame]).standard_normal(shown.shape) * strength
    return np.ascontiguousarray(np.clip((shown + grain) * 255 + 0.5, 0, 255).astype(np.uint8)[..., ::-1])


def jpeg(image: Image, rng: Rng) -> bytes:
    """The file's content, of a random quality."""
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))])[1].tobytes())


def _crop(picture: Array, size: tuple[int, int], share: float, rng: Rng) -> Array:
    """A random part of a picture, `share` of the largest one, scaled to `size`."""
    (width, height), (rows, columns) = size, picture.shape[:2]
    scale = share * min(columns / width, rows / height)
    wide, high = max(1, int(width * scale)), max(1, int(height * scale))
    left, top = rng.integers(columns - wide + 1), rng.integers(rows - high + 1)
    part = np.ascontiguousarray(picture[top : top + high, left : left + wide])
    return np.asarray(
        cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_CUBIC), np.float32
    )


def _blurred(picture: Array, rng: Rng) -> Array:
    sigma: Any = rng.choice([0.0, 0.0, 1.5, 4.0, 8.0])
    return np.clip(cv2.GaussianBlur(picture, (0, 0), sigma) if sigma else picture, 0, 1)


def _colours(rng: Rng) -> Iterator[Array]:
    """Colours of one picture, most of them pale."""
    strength = rng.beta(1, 2.5)
    while True:
        yield np.clip(rng.uniform(0, 1) + strength * rng.uniform(-0.5, 0.5, 3), 0, 1)
