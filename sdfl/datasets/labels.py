"""Files that hold the labels of many pictures, by their endings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdfl.datasets.coco import load_coco, to_stderr
from sdfl.datasets.lists import load_list
from sdfl.datasets.official import DATASETS, load_split
from sdfl.datasets.pts import find_samples
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError

LABEL_SUFFIXES = (".csv", ".json", ".txt")


def load_labelled(data: Path, split: str | None = None) -> list[Sample]:
    """Read labelled pictures in any form.

    Args:
        data: a folder of pictures with `.pts` files, a file of `load_labels`, or with `split` the root of a published
            dataset or a folder that holds it.
        split: "wflw:test" and the like, see `load_split`.

    Raises:
        DataError: pictures or labels are missing or wrong.
    """
    if split:
        return load_split(data, split)
    if data.is_file() and data.suffix.lower() in LABEL_SUFFIXES:
        return load_labels(data)
    try:
        return find_samples(data)
    except DataError as error:
        there = [f"{each.name}:{list(each.counts)[-1]}" for each in DATASETS.values() if each.root(data)]
        if not there or any(data.rglob("*.pts")):
            raise
        raise DataError(f"{error}; for a dataset in its official files give --split {there[0]}") from error


def load_labels(path: Path, *, say: Callable[[str], None] = to_stderr) -> list[Sample]:
    """Read a list (.txt, .csv) or COCO's JSON (.json).

    Args:
        path: ends in one of LABEL_SUFFIXES.
        say: is told what is left out.

    Raises:
        DataError: names the file and the line or annotation.
    """
    return load_coco(path, say=say) if path.suffix.lower() == ".json" else load_list(path)
