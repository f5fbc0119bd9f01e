"""What labels in text have in common: numbers, points, and the names of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdfl.errors import DataError
from sdfl.layouts import LAYOUTS, layout_with
from sdfl.types import FloatArray

LARGEST_PX = 1_000_000  # of a coordinate, either way: 30 times the side of the largest picture
LONGEST_SHOWN = 300  # characters of a picture's name in a message


def number(text: str) -> float:
    """A number as label files write it; Python itself would also take 1_000.

    Raises:
        ValueError: it is anything else.
    """
    if "_" in text:
        raise ValueError(f"not a number: {text!r}")
    return float(text)


def is_number(text: str) -> bool:
    """Whether `number` takes this, NaN and infinity included."""
    try:
        number(text)
    except ValueError:
        return False
    return True


def finite_points(values: Sequence[float], where: str) -> FloatArray:
    """Coordinates as points.

    Args:
        values: x y x y ...
        where: the file and the line, for errors.

    Returns:
        (N, 2) float32.

    Raises:
        DataError: a coordinate is NaN, infinite or too large.
    """
    with np.errstate(over="ignore"):
        points = np.asarray(values, dtype=np.float64).astype(np.float32).reshape(-1, 2)
    usable = (np.abs(points) <= LARGEST_PX).all(axis=1)  # False for NaN
    if not usable.all():
        first = usable.argmin()
        problem = f"lies beyond {LARGEST_PX} px" if np.isfinite(points[first]).all() else "is not a finite number"
        raise DataError(f"{where}: holds a coordinate that {problem} (point {first + 1})")
    return points


def layout_of(count: int, where: str, layout: str = "") -> str:
    """The layout that has so many points.

    Args:
        count: of points.
        where: the file and the line, for errors.
        layout: the expected one, "" for any.

    Raises:
        DataError: none has, or not the expected one.
    """
    found = layout_with(count)
    if found is None or (layout and found.name != layout):
        any_count = " or ".join(str(each.num_points) for each in LAYOUTS.values())
        wanted = f"{LAYOUTS[layout].num_points} ({layout})" if layout else any_count
        raise DataError(f"{where}: has {count} points, expected {wanted}")
    return found.name


def existing_picture(folder: Path, name: str, where: str) -> Path:
    """The picture that a label names.

    Args:
        folder: what the name is relative to.
        name: as the label has it; where no such file exists, backslashes are read as separators of folders, which is
            what Windows writes.
        where: the file and the line, for errors.

    Raises:
        DataError: there is no such picture.
    """
    try:
        return next(path for path in (folder / name, folder / name.replace("\\", "/")) if path.is_file())
    except (StopIteration, OSError) as error:  # OSError: the name is too long for this system
        shown = name if len(name) < LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}..."
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)  # one line
        raise DataError(f"{where}: names the picture {folder / shown}, which does not exist") from error
