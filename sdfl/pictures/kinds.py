"""The kinds of picture files, recognized by their first bytes, and the library that reads each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from sdfl.errors import DataError

HEAD_BYTES = 64

# Files of these names are meant as pictures, whatever they hold.
SUFFIXES = frozenset(
    f".{name}"
    for names in (
        ("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "apng", "gif", "webp", "avif", "heic", "heif", "hif", "jxl"),
        ("tif", "tiff", "bmp", "dib", "jp2", "j2k", "pbm", "pgm", "pnm", "ppm"),
    )
    for name in names
)


@dataclass(frozen=True)
class Kind:
    """A kind of picture files.

    Attributes:
        name: what messages call it.
        module: of the class that reads it, "" where none does.
        reader: the class, made like Pillow's own: from an open file.
        animates: whether a file may hold an animation.
        needs: what to do where the class is missing.
    """

    name: str
    module: str = ""
    reader: str = ""
    animates: bool = False
    needs: str = "install Pillow anew: pip install --force-reinstall pillow"

    def open(self, file: BinaryIO, name: str) -> Any:
        """The opened picture (`PIL.ImageFile.ImageFile`), of which only the header has been read.

        Pillow's `Image.open` is not used: it has a limit of its own, which is shared by the whole program.

        Raises:
            DataError: nothing that is installed reads this kind.
        """
        try:
            module = import_module(self.module) if self.module else None
        except ImportError:
            module = None
        if module is None or not getattr(module, "SUPPORTED", True):
            raise DataError(f"{name}: {self.name} pictures cannot be read here; {self.needs}")
        return getattr(module, self.reader)(file)


CONVERT = "convert it to JPEG or PNG"
JPEG = Kind("JPEG", "PIL.JpegImagePlugin", "JpegImageFile")
PNG = Kind("PNG", "PIL.PngImagePlugin", "PngImageFile", animates=True)
GIF = Kind("GIF", "PIL.GifImagePlugin", "GifImageFile", animates=True)
WEBP = Kind("WebP", "PIL.WebPImagePlugin", "WebPImageFile", animates=True)
BMP = Kind("BMP", "PIL.BmpImagePlugin", "BmpImageFile")
TIFF = Kind("TIFF", "PIL.TiffImagePlugin", "TiffImageFile")
PNM = Kind("PNM", "PIL.PpmImagePlugin", "PpmImageFile")
JPEG_2000 = Kind("JPEG 2000", "PIL.Jpeg2KImagePlugin", "Jpeg2KImageFile")
AVIF = Kind(
    "AVIF", "PIL.AvifImagePlugin", "AvifImageFile", animates=True, needs="add the reader: pip install 'pillow>=11.3'"
)
HEIC = Kind("HEIC", "pillow_heif", "HeifImageFile", needs="add the reader: pip install pillow-heif")
JPEG_XL = Kind("JPEG XL", needs=CONVERT)

_SIGNATURES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"II*\0": TIFF,
    b"MM\0*": TIFF,
    b"II+\0": TIFF,  # BigTIFF
    b"MM\0+": TIFF,
    b"\0\0\0\x0cjP  \r\n\x87\n": JPEG_2000,
    b"\xff\x4f\xff\x51": JPEG_2000,
    b"\xff\x0a": JPEG_XL,
    b"\0\0\0\x0cJXL \r\n\x87\n": JPEG_XL,
}
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # sizes of the second header, in bytes
_PNM = re.compile(rb"P[1-6]\s+(#[^\n]*\s+)*\d|P[1-6]\s+#")
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_EITHER_BRANDS = {b"mif1", b"msf1", b"miaf"}


def recognize(head: bytes) -> Kind | None:
    """The kind of a picture.

    Args:
        head: the first `HEAD_BYTES` of the file.

    Returns:
        None for what is no picture.
    """
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return BMP
    if head[4:8] == b"ftyp":
        return _of_brands(head)
    return PNM if _PNM.match(head) else None


def _of_brands(head: bytes) -> Kind | None:
    """AVIF and HEIC lie in the container of MP4, and are told apart by their brands."""
    end = int.from_bytes(head[:4], "big")
    major, others = head[8:12], {head[at : at + 4] for at in range(16, min(end, len(head)), 4)}
    if major in _AVIF_BRANDS or (major in _EITHER_BRANDS and others & _AVIF_BRANDS):
        return AVIF
    return HEIC if major in _HEIC_BRANDS | _EITHER_BRANDS else None


def kind_of(path: Path) -> Kind | None:
    """The kind of a picture file; None for another file, one that cannot be read, and for what is no file."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return recognize(file.read(HEAD_BYTES))
    except OSError:
        return None


def is_picture(path: Path) -> bool:
    """Whether a path is that of a picture, by its name or by its content; a folder never is."""
    return not path.is_dir() and (path.suffix.lower() in SUFFIXES or kind_of(path) is not None)
