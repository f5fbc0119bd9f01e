"""Labels in COCO's JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets.fields import existing_picture, finite_points, layout_of
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.files import read_json

NOT_LABELLED, COVERED, VISIBLE = 0, 1, 2  # what v says of a point


def to_stderr(line: str) -> None:
    """Print one line to standard error."""
    print(line, file=sys.stderr, flush=True)


def load_coco(path: Path, *, say: Callable[[str], None] = to_stderr) -> list[Sample]:
    """Read COCO's JSON.

    Networks are trained and tested on all points of a face, so an annotation with a point that is not labelled (v = 0;
    its x and y mean nothing) is left out.

    Args:
        path: holds `images` (id, and file_name beside the file) and `annotations` (image_id, and keypoints x y v ...,
            where v is 2 for a visible point, 1 for a covered one, and 0 for one that is not labelled).
        say: is told how many annotations are left out.

    Raises:
        DataError: names the file and the annotation.
    """
    content = read_json(path)
    try:
        names: dict[Any, Any] = {}
        for entry in content["images"]:
            if names.setdefault(entry["id"], entry["file_name"]) != entry["file_name"]:
                raise DataError(f"{path}: two of its images have the id {entry['id']}; give each its own")
        annotations = list(content["annotations"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{path}: is not COCO JSON (images and annotations)") from error
    if not annotations:
        raise DataError(f"{path}: holds no labelled picture")
    found = [_from_annotation(entry, names, path, index) for index, entry in enumerate(annotations)]
    samples = [sample for sample in found if sample is not None]
    if not samples:
        raise DataError(f"{path}: every annotation has points that are not labelled (v = 0); a face needs all points")
    if left_out := len(found) - len(samples):
        say(f"{path}: {left_out} of {len(found)} annotations left out, for they have unlabelled points (v = 0)")
    return samples


def _from_annotation(entry: dict[str, Any], names: dict[Any, Any], path: Path, index: int) -> Sample | None:
    """The labelled picture; None where a point is not labelled."""
    where = f"{path}: annotations[{index}]"
    try:
        rows = np.asarray(entry["keypoints"], dtype=np.float64).reshape(-1, 3)
        name = names[entry["image_id"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where} must have an image_id of images and keypoints of x y v triples") from error
    if not isinstance(name, str):
        raise DataError(f"{where} names a picture whose file_name is no text")
    if not len(rows):  # a face that only has a box
        return None
    layout = layout_of(len(rows), where)
    flags = rows[:, 2]
    if not np.isin(flags, (NOT_LABELLED, COVERED, VISIBLE)).all():
        raise DataError(f"{where} has a v other than 0, 1 and 2")
    if (flags == NOT_LABELLED).any():
        return None
    points = finite_points(rows[:, :2].ravel().tolist(), where)
    visible = flags == VISIBLE if (flags == VISIBLE).any() else None  # WFLW's JSON has no 2: it says nothing of that
    return Sample(existing_picture(path.parent, name, where), points, layout, visible=visible)
