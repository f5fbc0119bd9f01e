"""The one reader of picture files: what a file is comes from its content, and its size is known before it is decoded.

    image = read_picture(Path("people.heic"))  # (H, W, 3) uint8 BGR, upright

A picture that is cut off, too large or of a kind that cannot be read is a `DataError` that names the file.
"""

from __future__ import annotations

from sdfl.pictures.animations import Animation, is_animation
from sdfl.pictures.kinds import SUFFIXES, is_picture
from sdfl.pictures.limits import MAX_PIXELS, MAX_SIDE_PX, check_size
from sdfl.pictures.reading import decode_picture, read_picture

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE_PX",
    "SUFFIXES",
    "Animation",
    "check_size",
    "decode_picture",
    "is_animation",
    "is_picture",
    "read_picture",
]
