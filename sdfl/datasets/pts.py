"""Folders of pictures with `.pts` labels, as 300W, AFW, HELEN and LFPW are published (ibug order, 1-based pixels)."""

from __future__ import annotations

from pathlib import Path

from sdfl.datasets.fields import finite_points, is_number, layout_of, number
from sdfl.datasets.pictures import visible_files
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.files import read_text
from sdfl.pictures import is_picture
from sdfl.types import FloatArray


def read_pts(path: Path) -> FloatArray:
    """Read the points of a `.pts` file.

    Returns:
        (N, 2) float32 px, moved from the file's 1-based to 0-based coordinates.

    Raises:
        DataError: names the file that is missing, cut off or something else.
    """
    head, brace, body = read_text(path).partition("{")
    declared = next((line.partition(":")[2] for line in head.split("\n") if line.strip().startswith("n_points")), "")
    try:
        count = int(declared)
    except ValueError as error:
        raise DataError(f"{path}: is not a .pts file (n_points, then one 'x y' per line between braces)") from error
    values: list[float] = []
    for line_number, line in enumerate(body.partition("}")[0].split("\n"), start=head.count("\n") + 1):
        if fields := line.split():
            if len(fields) != 2 or not all(map(is_number, fields)):
                raise DataError(f"{path}:{line_number}: must be x and y of one point, got {line.strip()[:40]!r}")
            values += map(number, fields)
    points = finite_points(values, str(path))
    if "{" in body.partition("}")[2]:
        raise DataError(f"{path}: holds more than one block of points; write one file for each face")
    if not brace or "}" not in body or len(points) != count:
        raise DataError(f"{path}: declares {count} points but holds {len(points)}; the file is cut off or edited")
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


def holds_points(folder: Path) -> bool:
    """Whether there is a `.pts` file below a folder."""
    return any(path.suffix.lower() == ".pts" for path in visible_files(folder))


def _sample(image_path: Path, label_path: Path | None, layout: str) -> Sample:
    if label_path is None:
        raise DataError(f"{image_path}: has no .pts file beside it; add {image_path.stem}.pts or remove the picture")
    points = read_pts(label_path)
    return Sample(image_path, points, layout_of(len(points), str(label_path), layout))
