"""Reading one picture from a file, or from the bytes of one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sdfl.errors import DataError, shown_path
from sdfl.pictures import jpeg, kinds, png, pnm, tiff
from sdfl.pictures.kinds import HEAD_BYTES, Kind, recognize
from sdfl.pictures.limits import MAX_PIXELS, check_size
from sdfl.pictures.orientation import upright
from sdfl.pictures.pixels import to_bgr
from sdfl.pictures.quiet import quiet
from sdfl.types import Image

ORIENTATION = 0x0112
Say = Callable[[str], None]


def read_picture(path: Path, *, max_pixels: int = MAX_PIXELS, say: Say | None = None) -> Image:
    """Read a picture, whatever its name says, and turn it upright as its EXIF block says.

    Of an animation, a file of several pages or a pair of pictures, the first picture is read.

    Args:
        path: of the file.
        max_pixels: largest number of pixels.
        say: is told in one line that there is more than the first picture.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: names the file that is missing, cut off, too large or no picture.
    """
    with opened(path) as (file, kind):
        return _read_any(file, kind, shown_path(path), max_pixels, say)


def decode_picture(content: bytes, name: str, *, max_pixels: int = MAX_PIXELS, say: Say | None = None) -> Image:
    """Decode a picture that was sent or stored as bytes; the same as `read_picture` of a file that holds them.

    Args:
        content: all bytes of the file.
        name: what messages call it.
        max_pixels: largest number of pixels.
        say: is told in one line that there is more than the first picture.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: it is cut off, too large or no picture.
    """
    kind = _recognized(content[:HEAD_BYTES], name)
    return _read_any(io.BytesIO(content), kind, name, max_pixels, say)


def _read_any(file: BinaryIO, kind: Kind, name: str, max_pixels: int, say: Say | None) -> Image:
    if kind is kinds.JPEG:
        return _read_jpeg(file, name, max_pixels)
    try:
        return _read(file, kind, name, max_pixels, say)
    except DataError:
        raise
    except Exception as error:  # the bytes are a stranger's, and so are the errors that they lead to
        raise _as_data_error(error, name, kind) from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Kind]]:
    """Open a picture file and recognize its kind.

    Raises:
        DataError: it cannot be opened, or is no picture.
    """
    name = shown_path(path)
    if path.exists() and not path.is_file():
        raise DataError(f"{name}: is not a file; give the path of a picture")
    try:
        file = path.open("rb")
        head = file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror})") from error
    with file:
        kind = _recognized(head, name)
        file.seek(0)
        yield file, kind


def _recognized(head: bytes, name: str) -> Kind:
    kind = recognize(head)
    if kind is None:
        why = "" if head else ": the file is empty"
        raise DataError(f"{name}: is not a picture that can be decoded{why}; replace or remove it")
    return kind


def open_header(file: BinaryIO, kind: Kind, name: str, max_pixels: int) -> Any:
    """The picture as Pillow opens it, with nothing decoded, after its size has been checked."""
    if kind is kinds.WEBP:  # Pillow makes room for the picture when it opens it
        width, height = _webp_size(file.read(30))
        check_size(name, width, height, max_pixels)
        file.seek(0)
    try:
        picture = kind.open(file, name)
    except SyntaxError:
        if kind is not kinds.PNG:
            raise
        file.seek(0)
        picture = kind.open(io.BytesIO(png.without_damaged_extras(file.read())), name)
    width, height = picture.size
    check_size(name, width, height, max_pixels)
    return picture


def _read(file: BinaryIO, kind: Kind, name: str, max_pixels: int, say: Say | None) -> Image:
    with quiet(max_pixels):
        if kind is kinds.TIFF:
            return tiff.read(file, name, max_pixels, say)
        picture = open_header(file, kind, name, max_pixels)
        count = getattr(picture, "n_frames", 1)
        if count > 1 and say is not None:
            what = "is an animation" if kind.animates else f"holds {count} pictures"
            say(f"{name}: {what}; the first {'frame' if kind.animates else 'one'} was taken")
        image = pnm.scaled(file, picture) if kind is kinds.PNM else None
        if image is None:
            picture.load()
            image = to_bgr(picture)
        return upright(image, orientation_of(picture))


def orientation_of(picture: Any) -> object:
    """EXIF's orientation of a loaded picture of Pillow; 1 where the block is missing or damaged."""
    try:
        return picture.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1


def _read_jpeg(file: BinaryIO, name: str, max_pixels: int) -> Image:
    content = file.read()
    try:
        header = jpeg.read_header(content)
        check_size(name, header.width, header.height, max_pixels)
        return upright(jpeg.decode(content, header), header.orientation)
    except jpeg.BadJpegError as error:
        raise DataError(f"{name}: {error}") from error


def _as_data_error(error: Exception, name: str, kind: Kind) -> DataError:
    if isinstance(error, MemoryError):
        return DataError(f"{name}: does not fit into memory; reduce it")
    if isinstance(error, ValueError) and str(error).startswith("holds "):
        return DataError(f"{name}: {error}")
    return DataError(f"{name}: this {kind.name} picture is cut off or damaged; copy or save it again")


def _webp_size(head: bytes) -> tuple[int, int]:
    """Width and height in px, from the first 30 bytes of a WebP file."""
    chunk = head[12:16]
    if chunk == b"VP8X":  # 24 bits each, less one
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L":  # 14 bits each, less one
        both = int.from_bytes(head[21:25], "little")
        return (both & 0x3FFF) + 1, (both >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
