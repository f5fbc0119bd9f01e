"""WFLW (Wu et al., CVPR 2018) in its official files: `list_98pt_rect_attr_train.txt` and `..._test.txt`.

A line holds 98 x and y, a rectangle (4), six attributes (0 or 1) and the picture's name below `WFLW_images`.
Coordinates are taken as 0-based, as the published evaluation code does.
"""

from __future__ import annotations

from pathlib import Path

from sdfl.datasets.fields import existing_picture, finite_points, number
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError, shown
from sdfl.files import numbered_lines

ATTRIBUTES = ("pose", "expression", "illumination", "make-up", "occlusion", "blur")  # in the file's order
COUNTS = {"train": 7500, "test": 2500}
SUBSET_COUNTS = {"pose": 326, "expression": 314, "illumination": 698, "make-up": 206, "occlusion": 736, "blur": 773}
LIST = "list_98pt_rect_attr_{split}.txt"
_LIST_PLACES = ("WFLW_annotations/list_98pt_rect_attr_train_test", "list_98pt_rect_attr_train_test", "")
_POINTS, _FIELDS = 98, 98 * 2 + 4 + len(ATTRIBUTES) + 1


def list_path(root: Path, split: str) -> Path | None:
    """Find the official list of a split.

    Args:
        root: of the dataset.
        split: "train" or "test".

    Returns:
        None where there is none.
    """
    places = [root / place / LIST.format(split=split) for place in _LIST_PLACES]
    return next((path for path in places if path.is_file()), None)


def load(root: Path, split: str) -> list[Sample]:
    """Read the labelled pictures of a split.

    Args:
        root: of the dataset.
        split: "train" or "test".

    Raises:
        DataError: names the file and the line.
    """
    path = list_path(root, split)
    if path is None:
        wanted = f"{_LIST_PLACES[0]}/{LIST.format(split=split)}"
        raise DataError(f"{root}: holds no {wanted}; unpack WFLW_annotations.tar.gz there")
    images = root / "WFLW_images"
    if not images.is_dir():
        raise DataError(f"{images}: is not a folder; unpack WFLW_images.tar.gz in {root}")
    samples = [_sample(line, where, images) for where, line in numbered_lines(path)]
    if not samples:
        raise DataError(f"{path}: is empty")
    return samples


def _sample(line: str, where: str, images: Path) -> Sample:
    fields = line.split(maxsplit=_FIELDS - 1)
    if len(fields) != _FIELDS:
        raise DataError(f"{where}: has {len(fields)} fields, expected {_FIELDS} (98 x and y, 4, 6 attributes, picture)")
    try:
        values = [number(field) for field in fields[: 2 * _POINTS]]
    except ValueError as error:
        raise DataError(f"{where}: holds a coordinate that is not a number") from error
    points = finite_points(values, where)
    flags = fields[2 * _POINTS + 4 : -1]
    if not set(flags) <= {"0", "1"}:
        raise DataError(f"{where}: attributes must be 0 or 1, got {shown(' '.join(flags))}")
    image = existing_picture(images, fields[-1].strip(), where)
    subsets = tuple(name for name, flag in zip(ATTRIBUTES, flags, strict=True) if flag == "1")
    return Sample(image, points, "wflw98", subsets)
