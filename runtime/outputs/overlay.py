"""Drawing landmarks into a picture: curves and points, thicker for larger faces."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.layouts import Layout, get_layout
from sdfl.runtime.sources.pictures import Picture, to_image
from sdfl.types import Face, FloatArray, Image

Colour = tuple[int, int, int]  # BGR

REGION_COLOURS: dict[str, Colour] = {
    "contour": (250, 180, 60),
    "brows": (70, 190, 255),
    "nose": (140, 225, 110),
    "eyes": (255, 235, 90),
    "mouth": (150, 110, 255),
}
POINT_COLOUR: Colour = (255, 255, 255)
INK: Colour = (28, 24, 20)
RINGS_FROM_PX = 300  # the points of smaller faces are too close together for dark rings
SHIFT = 4  # OpenCV draws at 1/16 px
FONT = cv2.FONT_HERSHEY_DUPLEX


def draw(image: Picture, faces: Sequence[Face], *, label: str = "") -> Image:
    """A copy of a picture with the landmarks and ids of faces.

    Args:
        image: what `FaceLandmarker.detect` takes: a path, an array or a PIL picture.
        faces: in the picture.
        label: text for the top-left corner.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        SourceError: this is no picture, or cannot be read.
        ConfigError: `faces` is a single face.
    """
    if isinstance(faces, Face):
        raise ConfigError("draw takes a list of faces, got one Face; write draw(image, [face])")
    image = to_image(image)
    canvas: Image = image.copy()
    for face in faces:
        _draw_face(canvas, face)
    for face in faces:
        x, y = face.box.xyxy[0], face.box.xyxy[1]
        draw_text(canvas, str(face.id), (int(x), int(y) - 10), scale=text_scale(image))
    if label:
        scale = text_scale(image)
        draw_text(canvas, label, (round(16 * scale), round(44 * scale)), scale=scale)
    return canvas


def _draw_face(canvas: Image, face: Face) -> None:
    layout = get_layout(face.landmarks.layout)
    points = _fixed(face.landmarks.points)
    size_px = float((face.box.xyxy[2:] - face.box.xyxy[:2]).max())
    width = max(1, round(size_px / 180))
    radius = max(0.9, size_px / 160)
    colours = _point_colours(layout)
    for curve in layout.curves:
        cv2.polylines(canvas, [points[list(curve)]], False, colours[curve[0]], width, cv2.LINE_AA, SHIFT)
    for x, y in points.tolist():
        if size_px > RINGS_FROM_PX:
            cv2.circle(canvas, (x, y), round((radius + width * 0.6) * 2**SHIFT), INK, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(canvas, (x, y), round(radius * 2**SHIFT), POINT_COLOUR, -1, cv2.LINE_AA, SHIFT)


def draw_text(canvas: Image, text: str, bottom_left: tuple[int, int], *, scale: float) -> None:
    """Draw text on a dark, translucent background, moved so that all of it lies in the picture.

    Args:
        canvas: (H, W, 3) uint8 BGR, is changed.
        text: one line.
        bottom_left: px.
        scale: of the font, see `text_scale`.
    """
    thickness = max(1, round(scale * 1.2))
    (width, height), _ = cv2.getTextSize(text, FONT, scale, thickness)
    pad = round(9 * scale) + 1
    x = int(np.clip(bottom_left[0], pad, max(pad, canvas.shape[1] - width - pad)))
    y = int(np.clip(bottom_left[1], height + pad, max(height + pad, canvas.shape[0] - pad)))
    background = canvas[y - height - pad : y + pad, x - pad : x + width + pad]
    background[:] = (background * 0.35 + np.array(INK) * 0.65).astype(np.uint8)
    cv2.putText(canvas, text, (x, y), FONT, scale, POINT_COLOUR, thickness, cv2.LINE_AA)


def text_scale(image: Image) -> float:
    """The size of text, as OpenCV counts it, that suits a picture."""
    return float(np.clip(max(image.shape[:2]) / 1300, 0.45, 1.4))


def _point_colours(layout: Layout) -> dict[int, Colour]:
    return {index: REGION_COLOURS[region] for region, indices in layout.regions.items() for index in indices}


def _fixed(points: FloatArray) -> npt.NDArray[np.int32]:
    """Points (N, 2) px as the fixed-point integers that OpenCV's `shift` means, limited to what it can draw."""
    limited = np.clip(np.nan_to_num(points), -16000, 16000)
    return np.asarray(np.round(limited * 2**SHIFT), dtype=np.int32)
