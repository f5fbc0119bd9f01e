"""Reading pictures, from files and from inside COFW's MATLAB files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdfl.datasets.cofw import read_picture as read_cofw_picture
from sdfl.errors import DataError
from sdfl.pictures import is_picture, read_picture
from sdfl.types import Image

MACOS = "__MACOSX"  # what macOS adds to archives: a folder of files that only look like the pictures


def read_image(path: Path) -> Image:
    """Read a picture.

    Args:
        path: any file that `sdfl.pictures.read_picture` reads, or `<file>.mat/<i>` for the i-th picture inside a COFW
            file.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        DataError: names the file that is missing or no picture.
        MissingDependency: h5py is not installed, for a COFW file.
    """
    return read_cofw_picture(path) if path.parent.suffix == ".mat" else read_picture(path)


def find_pictures(folder: Path) -> list[Path]:
    """Find all pictures below a folder.

    Returns:
        Their paths, sorted.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; point --data at a folder of pictures of faces")
    return sorted(path for path in visible_files(folder) if is_picture(path))


def visible_files(folder: Path) -> Iterator[Path]:
    """All files below a folder except hidden ones and those that macOS adds to archives."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part == MACOS for part in parts) and not path.is_dir():
            yield path
