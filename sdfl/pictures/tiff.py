"""TIFF: the first page; what Pillow has no mode for goes through OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import cv2
import numpy as np

from sdfl.errors import DataError
from sdfl.pictures import kinds
from sdfl.pictures.limits import check_size
from sdfl.pictures.orientation import upright
from sdfl.pictures.pixels import to_bgr
from sdfl.types import Image

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SUBFILE, _ORIENTATION = 256, 257, 258, 262, 254, 274
_FORMAT, _DNG = 339, 50706
_PLACES = ((273, 279), (324, 325))  # offsets and sizes of strips, of tiles
_FLOAT = 3
_WHITE_IS_ZERO = 0


def read(file: BinaryIO, name: str, max_pixels: int, say: Callable[[str], None] | None) -> Image:
    """The first page as (H, W, 3) uint8 BGR, upright.

    Args:
        file: open at its beginning.
        name: what messages call it.
        max_pixels: largest number of pixels.
        say: is told that there are more pages.

    Raises:
        DataError: it is too large, a camera's raw file, or of numbers that are no picture.
    """
    tags = _first_tags(file)
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    check_size(name, width, height, max_pixels)
    if tags.get(_SUBFILE, 0) & 1 or _DNG in tags:
        raise DataError(f"{name}: is a camera's raw file, or begins with a thumbnail; convert it to JPEG or PNG")
    if _FLOAT in np.atleast_1d(tags.get(_FORMAT, 1)):
        raise DataError(f"{name}: holds floating-point numbers; save it with 8 or 16 bits")
    file.seek(0)
    try:
        picture = kinds.TIFF.open(file, name)
    except SyntaxError:  # Pillow has no mode for it
        return _with_opencv(file, name, tags)
    if say is not None and tags.next:
        say(f"{name}: holds several pages; the first one was taken")
    picture.load()  # turns it upright, in every version of Pillow that is allowed
    bits = int(np.atleast_1d(tags.get(_BITS, 1))[0])
    image = to_bgr(picture, bits)
    inverted = picture.mode.startswith("I;16") and tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    return 255 - image if inverted else image


def _first_tags(file: BinaryIO) -> Any:
    """The tags of the first page: number -> value or values."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    head = file.read(8)
    if head[2] == 43 or head[3] == 43:  # BigTIFF
        head += file.read(8)
    tags = ImageFileDirectory_v2(head)
    file.seek(tags.next)
    tags.load(file)
    return tags


def _with_opencv(file: BinaryIO, name: str, tags: Any) -> Image:
    file.seek(0)
    content = file.read()
    for offsets, sizes in _PLACES:
        ends = np.atleast_1d(tags.get(offsets, 0)) + np.atleast_1d(tags.get(sizes, 0))
        if ends.max() > len(content):
            raise DataError(f"{name}: is cut off; copy it again")
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if image is None:
        raise DataError(f"{name}: is a TIFF picture of a kind that cannot be read; save it with 8 bits per colour")
    return upright(np.asarray(image, np.uint8), tags.get(_ORIENTATION, 1))
