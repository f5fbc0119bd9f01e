"""Labels of many pictures in one file: a plain list (picture and coordinates a line), or COCO's json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.layouts import LAYOUTS, layout_with


def _layout(count: int, where: str) -> str:
    found = layout_with(count)
    if found is None:
        wanted = " or ".join(str(layout.num_points) for layout in LAYOUTS.values())
        raise DataError(f"{where}: has {count} points, expected {wanted}")
    return found.name


def _existing(image: Path, where: str) -> Path:
    if not image.is_file():
        raise DataError(f"{where}: names the picture {image}, which does not exist")
    return image


def load_list(path: Path, images: Path | None = None) -> list[Sample]:
    """Read a text file with one face per line: a picture's path and 2N numbers x y x y ...

    The path comes first or last; blanks or commas separate the fields, and a path that comes first may itself hold
    blanks. The lists of the paper's released code have this form, too; the 2N weights that these may hold behind the
    points are not used.

    Args:
        path: the list.
        images: the folder that paths are below, None for the list's own; coordinates are 0-based px.

    Raises:
        DataError: names the file and the line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    folder = images or path.parent
    samples = []
    for number, line in enumerate(lines, 1):
        fields = line.replace(",", " ").split()
        if not fields or line.lstrip().startswith("#"):
            continue
        where = f"{path}:{number}"
        name, values = _split(line.strip(), fields)
        if not all(map(_is_number, values)) or len(values) % 2:
            raise DataError(f"{where}: must hold a picture's path and x y of every point")
        points = np.array(values, dtype=np.float32).reshape(-1, 2)
        if layout_with(len(points)) is None and len(points) % 2 == 0 and layout_with(len(points) // 2):
            points = points[: len(points) // 2]
        layout = _layout(len(points), where)
        if not np.isfinite(points).all():
            raise DataError(f"{where}: holds a coordinate that is not a finite number")
        samples.append(Sample(_existing(folder / name, where), points, layout))
    if not samples:
        raise DataError(f"{path}: holds no labelled picture")
    return samples


def _split(line: str, fields: list[str]) -> tuple[str, list[str]]:
    """The picture's path and the numbers of a line with these fields."""
    if _is_number(fields[0]):
        return fields[-1], fields[:-1]
    numbers = 0
    while numbers < len(fields) - 1 and _is_number(fields[-1 - numbers]):
        numbers += 1
    path = re.split(r"[\s,]+", line.rstrip(" ,\t")[::-1], maxsplit=numbers)[-1][::-1] if numbers else line
    return path.strip(" ,\t"), fields[len(fields) - numbers :]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def load_coco(path: Path) -> list[Sample]:
    """Read COCO's json.

    Args:
        path: holds `images` (id, and file_name beside the file) and `annotations` (image_id, and keypoints x y v
            ..., where
            v is 2 for a visible point).

    Raises:
        DataError: names the file and the annotation.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: entry["file_name"] for entry in content["images"]}
        annotations = content["annotations"]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is not COCO json (images and annotations)") from error
    if not annotations:
        raise DataError(f"{path}: holds no labelled picture")
    return [_from_annotation(entry, names, path, index) for index, entry in enumerate(annotations)]


def _from_annotation(entry: dict[str, Any], names: dict[Any, str], path: Path, index: int) -> Sample:
    where = f"{path}: annotations[{index}]"
    try:
        rows = np.asarray(entry["keypoints"], dtype=np.float32).reshape(-1, 3)
        name = names[entry["image_id"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{where} must have an image_id of images and keypoints of x y v triples") from error
    layout = _layout(len(rows), where)
    if not np.isfinite(rows).all():
        raise DataError(f"{where} holds a coordinate that is not a finite number")
    visible = rows[:, 2] > 1 if (rows[:, 2] > 1).any() else None  # WFLW's json has no 2: it says nothing of visibility
    return Sample(_existing(path.parent / name, where), rows[:, :2].copy(), layout, visible=visible)
