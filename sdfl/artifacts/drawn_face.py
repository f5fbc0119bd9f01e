"""Faces that are drawn by integer arithmetic, so that every computer draws the same pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
_Mask = npt.NDArray[np.int64]
_OPAQUE = 256  # of masks


@dataclass(frozen=True)
class _Look:
    """What differs between the drawings. offset: of the face in 1/1024 of the crop's side; skin: BGR."""

    offset: tuple[int, int]
    skin: tuple[int, int, int]


_LOOKS = (_Look((0, 0), (110, 140, 200)), _Look((30, -20), (75, 100, 155)), _Look((-25, 25), (150, 178, 220)))
DRAWINGS = len(_LOOKS)


def drawn_crop(side: int, number: int = 0) -> Picture:
    """A face that fills a crop as the landmark networks expect it.

    Args:
        side: px.
        number: of the drawing, 0 to DRAWINGS - 1.

    Returns:
        (side, side, 3) BGR.
    """
    look = _LOOKS[number]
    y, x = np.mgrid[0:side, 0:side].astype(np.int64)
    u, v = ((2 * axis + 1) * 512 // side - 512 for axis in (x, y))  # 1/1024 of the side, from the centre
    image = np.stack([120 + v // 16, 110 + u // 16, 100 - v // 16], axis=-1)
    u, v = u - look.offset[0], v - look.offset[1]

    def ellipse(right: int, down: int, half_width: int, half_height: int) -> _Mask:
        """0 outside, OPAQUE inside, with a soft edge."""
        squared = ((u - right) ** 2 * 4096) // half_width**2 + ((v - down) ** 2 * 4096) // half_height**2
        mask: _Mask = np.clip((4096 + 512 - squared) // 4, 0, _OPAQUE)
        return mask

    def paint(mask: _Mask, *colour: int) -> None:
        opacity = mask[..., None]
        image[...] = (image * (_OPAQUE - opacity) + np.array(colour) * opacity) // _OPAQUE

    head = ellipse(0, 40, 330, 440)
    paint(head, *look.skin)
    shade = np.clip(_OPAQUE - np.abs(u) // 4, 150, _OPAQUE)[..., None]
    image[...] = np.where(head[..., None] > 0, image * shade // _OPAQUE, image)
    paint(ellipse(0, -420, 300, 150), 45, 60, 85)  # hair
    for side_of_face in (-1, 1):
        paint(ellipse(side_of_face * 140, -140, 95, 20), 50, 65, 90)  # brow
        paint(ellipse(side_of_face * 135, -70, 62, 28), 225, 230, 235)  # white of the eye
        paint(ellipse(side_of_face * 135, -70, 26, 26), 50, 40, 30)  # iris
        paint(ellipse(side_of_face * 135, -98, 66, 8), 60, 70, 100)  # lid
    paint(ellipse(0, 20, 26, 100), *(channel + 28 for channel in look.skin))  # ridge of the nose
    paint(ellipse(0, 88, 50, 18), *(channel + 10 for channel in look.skin))  # tip of the nose
    for side_of_face in (-1, 1):
        paint(ellipse(side_of_face * 34, 98, 16, 10), 50, 60, 110)  # nostril
    paint(ellipse(0, 230, 120, 36), 90, 90, 190)  # lips
    paint(ellipse(0, 226, 100, 7), 40, 40, 90)  # between the lips
    picture: Picture = np.clip(image, 0, 255).astype(np.uint8)
    return picture


def drawn_scene(height: int, width: int, number: int = 0) -> Picture:
    """A picture with one face in its top left corner, for a face detector.

    Args:
        height: px, at least 160.
        width: px, at least 160.
        number: of the drawing, 0 to DRAWINGS - 1.

    Returns:
        (height, width, 3) BGR.
    """
    side = 160
    scene = np.full((height, width, 3), 110, np.uint8)
    scene[:side, :side] = drawn_crop(side, number)
    return scene
