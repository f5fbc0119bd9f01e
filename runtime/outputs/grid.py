"""Pictures of several sources as one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from sdfl.runtime.outputs.overlay import FONT, draw, draw_text, text_scale
from sdfl.types import Box, Face, Image, Landmarks

SIZE = (1280, 720)  # px, width and height that the grid lies within
GAP_PX = 4
GROUND = (28, 24, 20)
USUAL_ASPECT = 4 / 3  # width over height, while no picture has come
DIMMED = 0.35


@dataclass(frozen=True, eq=False)
class Tile:
    """One source's place in the grid.

    Attributes:
        name: of the source.
        image: (H, W, 3) uint8 BGR, its newest frame, None before the first.
        faces: in the frame.
        fps: its frames per second, None before the first frame.
        lost: why no more frames come, "" while they do.
    """

    name: str
    image: Image | None = None
    faces: Sequence[Face] = ()
    fps: float | None = None
    lost: str = ""


def draw_grid(tiles: Sequence[Tile], size: tuple[int, int] = SIZE) -> Image:
    """Draw all tiles, with landmarks, names and rates; each picture keeps its aspect.

    Args:
        tiles: at least one.
        size: width and height that the grid lies within, px.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    aspects = [tile.image.shape[1] / tile.image.shape[0] for tile in tiles if tile.image is not None]
    columns, (width, height) = _layout(len(tiles), float(np.median(aspects)) if aspects else USUAL_ASPECT, size)
    rows = math.ceil(len(tiles) / columns)
    canvas_size = (rows * (height + GAP_PX) - GAP_PX, columns * (width + GAP_PX) - GAP_PX, 3)
    canvas: Image = np.full(canvas_size, GROUND, np.uint8)
    for index, tile in enumerate(tiles):
        top, left = (
            place * (side + GAP_PX) for place, side in zip(divmod(index, columns), (height, width), strict=True)
        )
        canvas[top : top + height, left : left + width] = _cell(tile, (width, height))
    return canvas


def _layout(count: int, aspect: float, size: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Number of columns, and width and height of a cell: those with which the cells become largest."""
    best = (0, (0, 0))
    for columns in range(1, count + 1):
        rows = math.ceil(count / columns)
        width = min((size[0] + GAP_PX) / columns - GAP_PX, ((size[1] + GAP_PX) / rows - GAP_PX) * aspect)
        if width > best[1][0]:
            best = (columns, (max(16, int(width)), max(16, int(width / aspect))))
    return best


def _cell(tile: Tile, size: tuple[int, int]) -> Image:
    """A tile of `size` (width, height)."""
    cell: Image = np.full((size[1], size[0], 3), GROUND, np.uint8)
    if tile.image is not None:
        height, width = tile.image.shape[:2]
        scale = min(size[0] / width, size[1] / height)
        within = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(tile.image, within, interpolation=method), np.uint8)
        picture = _dimmed(small) if tile.lost else draw(small, [_scaled(face, scale) for face in tile.faces])
        left, top = (size[0] - within[0]) // 2, (size[1] - within[1]) // 2
        cell[top : top + within[1], left : left + within[0]] = picture
    scale = text_scale(cell)
    rate = "lost" if tile.lost else "waiting" if tile.fps is None else f"{tile.fps:.0f} frames/s"
    title = _shortened(tile.name, size[0], scale, beside=f"  {rate}")
    draw_text(cell, f"{title}  {rate}", (round(16 * scale), round(44 * scale)), scale=scale)
    for row, line in enumerate(_lines(tile.lost, size[0], scale)):
        draw_text(cell, line, (round(16 * scale), size[1] // 2 + round(row * 56 * scale)), scale=scale)
    return cell


def _dimmed(image: Image) -> Image:
    """A picture in dark grey."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) * DIMMED
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def _scaled(face: Face, scale: float) -> Face:
    """A face of a picture that was scaled; the centre of the first pixel stays (0, 0)."""
    points = ((face.landmarks.points + 0.5) * scale - 0.5).astype(np.float32)
    xyxy = ((face.box.xyxy + 0.5) * scale - 0.5).astype(np.float32)
    return replace(face, box=Box(xyxy, face.box.score), landmarks=Landmarks(points, face.landmarks.layout))


def _width_px(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, FONT, scale, 1)[0][0])


def _shortened(name: str, width: int, scale: float, *, beside: str) -> str:
    """The end of a name, which tells files of a folder apart, as far as there is room for it."""
    room = width - round(40 * scale) - _width_px(beside, scale)
    if _width_px(name, scale) <= room:
        return name
    while len(name) > 4 and _width_px(f"...{name}", scale) > room:
        name = name[1:]
    return f"...{name}"


def _lines(text: str, width: int, scale: float) -> list[str]:
    """The words of a text in lines that fit into a width in px."""
    lines: list[str] = []
    for word in text.split():
        if lines and _width_px(f"{lines[-1]} {word}", scale) <= width - 40 * scale:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
