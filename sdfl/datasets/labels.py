"""Files that hold the labels of many pictures, by their endings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdfl.datasets.coco import load_coco, to_stderr
from sdfl.datasets.lists import load_list
from sdfl.datasets.sample import Sample

LABEL_SUFFIXES = (".csv", ".json", ".txt")


def load_labels(path: Path, *, say: Callable[[str], None] = to_stderr) -> list[Sample]:
    """Read a list (.txt, .csv) or COCO's JSON (.json).

    Args:
        path: ends in one of LABEL_SUFFIXES.
        say: is told what is left out.

    Raises:
        DataError: names the file and the line or annotation.
    """
    return load_coco(path, say=say) if path.suffix.lower() == ".json" else load_list(path)
