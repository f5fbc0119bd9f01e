"""Draws the list of crops without a face that `sdfl.datasets.faceless` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.benchmarks.progress import StartBar, silent, wrapped
from sdfl.datasets import Sample
from sdfl.datasets.faceless import FILE, PARTS, Row, faceless_split
from sdfl.files import atomic_path
from sdfl.train.data.detector_pictures import further_faces, load_source
from sdfl.train.data.face_composition import clear_region
from sdfl.types import FloatArray

COUNT = 500
LEAST_PX = 48


def write_faceless_list(
    data: Path, yunet: Path, cache: Path, *, out: Path = FILE, start_bar: StartBar = silent
) -> Path:
    """Draw COUNT crops of each part and write them as JSON.

    Args:
        data: folder that holds 300w/helen.
        yunet: a YuNet .onnx file, which finds the faces that are not labelled.
        cache: folder in which YuNet's answers are kept.
        out: the file to write, by default the one in the package.
        start_bar: for progress.

    Returns:
        `out`.

    Raises:
        DataError: pictures are missing.
    """
    made: dict[str, Any] = {}
    for part in PARTS:
        samples = faceless_split(data, part)
        others = further_faces(samples, yunet, cache / f"{part}.json", wrapped(start_bar, f"{part}: further faces"))
        made[part] = draw(samples, others)
    with atomic_path(out) as temporary:
        lines = [f'"{part}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for part, rows in made.items()]
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return out


def draw(samples: Sequence[Sample], others: Sequence[FloatArray]) -> list[Row]:
    """Draw COUNT regions without a face, from the pictures in turn.

    Args:
        samples: pictures with their labelled faces.
        others: further faces in each picture, as `further_faces` finds them.

    Returns:
        Name of the picture and the region's (x0, y0, x1, y1).
    """
    rng = np.random.default_rng(0)
    rows: list[Row] = []
    while len(rows) < COUNT:
        for sample, other in zip(samples, others, strict=True):
            region = clear_region(load_source(sample, other), rng)
            if region is None or min(region[2:] - region[:2]) < LEAST_PX:
                continue
            x0, y0, x1, y1 = (int(value) for value in region)
            rows.append((sample.image_path.name, x0, y0, x1, y1))
    return rows[:COUNT]
