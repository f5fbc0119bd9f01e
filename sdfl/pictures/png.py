"""PNG: leaving out damaged chunks that a picture can do without, as viewers do and Pillow does not."""

from __future__ import annotations

import zlib

_SIGNATURE_BYTES = 8
_FRAME_BYTES = 12  # of a chunk: its length, name and checksum


def without_damaged_extras(content: bytes) -> bytes:
    """The file without the ancillary chunks (PNG specification, 5.4) whose checksum is wrong."""
    kept, position = [content[:_SIGNATURE_BYTES]], _SIGNATURE_BYTES
    while position < len(content):
        end = position + _FRAME_BYTES + int.from_bytes(content[position : position + 4], "big")
        chunk = content[position:end]
        is_extra = bool(chunk[4:5].islower())
        if not is_extra or zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big"):
            kept.append(chunk)
        position = end
    return b"".join(kept)
