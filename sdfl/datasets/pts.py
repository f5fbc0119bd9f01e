"""Folders of pictures with `.pts` labels, as 300W, AFW, HELEN and LFPW are published (ibug order, 1-based pixels)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdfl.datasets.pictures import visible_files
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.layouts import LAYOUTS, layout_with
from sdfl.pictures import is_picture
from sdfl.types import FloatArray


def read_pts(path: Path) -> FloatArray:
    """Read the points of a `.pts` file.

    Returns:
        (N, 2) float32 px, moved from the file's 1-based to 0-based coordinates.

    Raises:
        DataError: names the file that is missing, cut off or something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    head, brace, body = text.partition("{")
    declared = next((line.partition(":")[2] for line in head.splitlines() if line.strip().startswith("n_points")), "")
    try:
        rows = [
            [float(value) for value in line.split()] for line in body.partition("}")[0].splitlines() if line.strip()
        ]
        points = np.asarray(rows, dtype=np.float32).reshape(-1, 2)
        count = int(declared)
    except ValueError as error:
        raise DataError(f"{path}: is not a .pts file (n_points, then one 'x y' per line between braces)") from error
    if not brace or "}" not in body or len(points) != count:
        raise DataError(f"{path}: declares {count} points but holds {len(points)}; the file is cut off or edited")
    if not np.isfinite(points).all():
        raise DataError(f"{path}: holds a coordinate that is not a finite number")
    return points - 1.0


def find_samples(folder: Path, layout: str = "") -> list[Sample]:
    """Find all labelled pictures below a folder.

    Args:
        folder: its pictures have `.pts` files beside them.
        layout: the expected layout; "" takes it from the number of points.

    Returns:
        One entry for each picture, sorted by path.

    Raises:
        DataError: the folder is missing or empty, a picture has no points, points have no picture, or their number is
            wrong.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder; point --data at a folder of pictures with .pts files")
    files = sorted(visible_files(folder))
    images = {path.with_suffix(""): path for path in files if path.suffix.lower() != ".pts" and is_picture(path)}
    labels = {path.with_suffix(""): path for path in files if path.suffix.lower() == ".pts"}
    if not images:
        raise DataError(f"{folder}: holds no pictures")
    for stem, path in labels.items():
        if stem not in images:
            raise DataError(f"{path}: has no picture beside it")
    return [_sample(path, labels.get(stem), layout) for stem, path in images.items()]


def _sample(image_path: Path, label_path: Path | None, layout: str) -> Sample:
    if label_path is None:
        raise DataError(f"{image_path}: has no .pts file beside it; add {image_path.stem}.pts or remove the picture")
    points = read_pts(label_path)
    found = layout_with(len(points))
    if found is None or (layout and found.name != layout):
        wanted = (
            f"{LAYOUTS[layout].num_points} ({layout})"
            if layout
            else " or ".join(str(each.num_points) for each in LAYOUTS.values())
        )
        raise DataError(f"{label_path}: has {len(points)} points, expected {wanted}")
    return Sample(image_path, points, found.name)
