"""How large a picture may be. A file of a few bytes may stand for gigabytes, so this is checked before decoding."""

from __future__ import annotations

from sdfl.errors import DataError

MAX_PIXELS = 100_000_000  # 300 MB decoded; a few phones take more
MAX_SIDE_PX = 32_766  # OpenCV cuts no crops out of larger pictures


def check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    """Raise DataError for a picture that is empty or larger than it may be.

    Args:
        name: what the message calls the picture.
        width: as the header says, px.
        height: as the header says, px.
        max_pixels: largest number of pixels.
    """
    if width < 1 or height < 1:
        raise DataError(f"{name}: says that it has {width} x {height} px; it is damaged")
    if max(width, height) > MAX_SIDE_PX:
        raise DataError(f"{name}: has {width} x {height} px; at most {MAX_SIDE_PX} px a side can be used, reduce it")
    if width * height > max_pixels:
        raise DataError(
            f"{name}: has {width} x {height} px, more than {max_pixels / 1e6:g} megapixels; reduce it, or raise "
            "the limit: --max-pixels, or max_pixels in Python"
        )
