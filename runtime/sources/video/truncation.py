"""Whether a video file is cut off, proven by what its container says about its own size.

A number of frames proves nothing: trimmed videos, and videos whose sound is longer, declare more than they show.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

MP4_BOXES = frozenset(
    b"ftyp styp moov mdat free skip wide uuid meta pnot PICT udta sidx ssix prft emsg mfra moof imda".split()
)
FRAGMENT = b"moof"
RIFF_OPEN = (0, 0xFFFFFFFF)  # sizes in a file whose writer could not go back
EBML_HEADER, MATROSKA_SEGMENT = 0x1A45DFA3, 0x18538067


def declared_size(path: Path) -> int | None:
    """How long a video file must be to be complete.

    Args:
        path: of an MP4, MOV, AVI, MKV or WebM file; others do not say.

    Returns:
        Bytes, None where the container does not say: other kinds, files that were written without going back to the
        header, and fragmented MP4, which is complete after each fragment.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[4:8] in MP4_BOXES:
            return _mp4_size(file, size)
        if start[:4] == b"RIFF" and start[8:12] in (b"AVI ", b"AVIX"):
            return _avi_size(file, size)
        if start[:4] == EBML_HEADER.to_bytes(4, "big"):
            return _matroska_size(file)
    return None


def missing_bytes(path: Path) -> int:
    """How many bytes that a video file declares lie beyond its end; 0 where nothing proves that any are missing.

    Args:
        path: of the file.

    Raises:
        OSError: the file cannot be read.
    """
    return max(0, (declared_size(path) or 0) - path.stat().st_size)


def _mp4_size(file: BinaryIO, size: int) -> int | None:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        if kind == FRAGMENT:
            return None
        if kind not in MP4_BOXES or length == 0:  # padding after the end, or a box that goes on to the end
            return position
        if length == 1:
            large = file.read(8)
            length = struct.unpack(">Q", large)[0] if len(large) == 8 else 16
        position += max(length, 8)
    return position


def _avi_size(file: BinaryIO, size: int) -> int | None:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        kind, length = struct.unpack("<4sI", file.read(8))
        if kind != b"RIFF":
            return position
        if length in RIFF_OPEN:
            return None
        position += 8 + length
    return position


def _matroska_size(file: BinaryIO) -> int | None:
    file.seek(0)
    position = 0
    for _ in range(8):  # the header, perhaps fillers, then the segment
        identifier, length = _ebml_number(file, keep_marker=True), _ebml_number(file, keep_marker=False)
        position = file.tell()
        if identifier is None or length is None:
            return None
        if identifier == MATROSKA_SEGMENT:
            return position + length
        file.seek(position + length)
    return None


def _ebml_number(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """A number of variable length, None at the end of the file or where all bits are set: not known."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big")
    if len(rest) < length - 1:
        return None
    payload = value & ((1 << 7 * length) - 1)
    if keep_marker:
        return value
    return None if payload == (1 << 7 * length) - 1 else payload
