"""Reading pictures, from files and from inside COFW's MATLAB files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from sdfl.datasets.cofw import read_picture
from sdfl.errors import DataError
from sdfl.types import Image

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def read_image(path: Path) -> Image:
    """Read a picture.

    Args:
        path: any file that OpenCV reads, or `<file>.mat/<i>` for the i-th picture inside a COFW file.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: names the file that is missing or no picture.
        MissingDependency: h5py is not installed, for a COFW file.
    """
    if path.parent.suffix == ".mat":
        return read_picture(path)
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        raise DataError(f"{path}: is not a picture that can be decoded; replace or remove it")
    return np.asarray(image, dtype=np.uint8)


def find_pictures(folder: Path) -> list[Path]:
    """Find all pictures below a folder.

    Returns:
        Their paths, sorted.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; point --data at a folder of pictures of faces")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
