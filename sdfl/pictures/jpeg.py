"""JPEG: what its segments say, and decoding it with OpenCV.

OpenCV gives the same pixels as Pillow in less time, but reads a file that is cut off as if its rest were grey, and a
file of thousands of scans for minutes. So the segments are looked through first.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import cv2
import numpy as np

from sdfl.pictures import kinds
from sdfl.pictures.quiet import quiet
from sdfl.types import Image

MAX_SCANS = 100  # encoders write about ten; each scan decodes the whole picture once
_SOI, _EOI, _SOS, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")  # neither a stuffed byte of the pixels nor a restart
_EXIF = b"Exif\0\0"
_FILLS = (bytes(256), bytes(range(1, 255)))  # two different continuations of the pixels


class BadJpegError(ValueError):
    """The message says what is wrong, as the rest of a sentence that begins with the name of the file."""


@dataclass(frozen=True)
class JpegHeader:
    """What the segments of a JPEG say.

    Attributes:
        width: px, before it is turned upright.
        height: px.
        orientation: EXIF's, 1 to 8.
        complete: whether the end marker was found.
        progressive: whether several scans make up a picture.
        scans: their number; a decoder goes over the picture once for each.
    """

    width: int
    height: int
    orientation: int
    complete: bool
    progressive: bool
    scans: int


def read_header(content: bytes) -> JpegHeader:
    """Look through the segments of a JPEG up to its end, which need not be that of the file.

    Raises:
        BadJpegError: it has no size, or too many scans.
    """
    width = height = scans = 0
    exif, progressive, complete, position = b"", False, False, 2
    while (match := _MARKER.search(content, position)) is not None:
        marker, start = match[1][0], match.end()
        if marker == _EOI:
            complete = True
            break
        position = start
        if marker == _SOI:
            continue
        position += max(2, int.from_bytes(content[start : start + 2], "big"))
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE
            height = max(height, int.from_bytes(content[start + 3 : start + 5], "big"))
            width = max(width, int.from_bytes(content[start + 5 : start + 7], "big"))
        elif marker == _APP1 and not exif and content.startswith(_EXIF, start + 2):
            exif = content[start + 2 : position]
        elif marker == _SOS:
            scans += 1
            if scans > MAX_SCANS:
                raise BadJpegError(f"is a JPEG of more than {MAX_SCANS} scans; save it again with another program")
    if not width or not height or not scans:
        raise BadJpegError("is not a picture that can be decoded: this JPEG is cut off in its header or damaged")
    return JpegHeader(width, height, _orientation(exif), complete, progressive, scans)


def decode(content: bytes, header: JpegHeader) -> Image:
    """The picture as it is stored, not yet turned upright: (H, W, 3) uint8 BGR.

    Raises:
        BadJpegError: it is cut off or damaged.
    """
    if not header.complete:
        return _decode_without_end(content, header)
    image = _with_opencv(content)
    if image is None:  # arithmetic coding, for one
        image = _with_pillow(content)
    if image is None or image.shape[:2] != (header.height, header.width):
        raise BadJpegError("is not a picture that can be decoded: this JPEG is damaged")
    return image


def _decode_without_end(content: bytes, header: JpegHeader) -> Image:
    """Some cameras leave the end marker out. If pixels are missing, too, the result depends on what stands there."""
    stored = content.rstrip(b"\0\xff")
    end = bytes([0xFF, _EOI])
    first, second = (None if header.progressive else _with_pillow(stored + fill + end) for fill in _FILLS)
    if first is None or second is None or not np.array_equal(first, second):
        raise BadJpegError("is cut off; copy it again")
    return first


def _with_opencv(content: bytes) -> Image | None:
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _with_pillow(content: bytes) -> Image | None:
    try:
        with quiet():
            rgb = kinds.JPEG.open(io.BytesIO(content), "").convert("RGB")
    except Exception:  # the bytes are a stranger's, and so are the errors that they lead to
        return None
    return np.ascontiguousarray(np.asarray(rgb)[:, :, ::-1])


def _orientation(exif: bytes) -> int:
    """EXIF's orientation, 1 where the block is missing or damaged."""
    if not exif:
        return 1
    from PIL import ExifTags
    from PIL import Image as Pil

    table = Pil.Exif()
    try:
        with quiet():
            table.load(exif)
            value = table.get(ExifTags.Base.Orientation, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) else 1
