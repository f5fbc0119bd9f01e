"""Draw the list of crops without a face that `sdfl.datasets.faceless` reads.

`python -m sdfl.benchmarks.detector.faceless --data DIR --yunet FILE` writes it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets import Sample
from sdfl.datasets.faceless import FILE, PARTS, Row, faceless_split
from sdfl.files import atomic_path

COUNT = 500
LEAST_PX = 48


def draw(samples: Sequence[Sample], teacher: Path, cache: Path) -> list[Row]:
    """COUNT regions, the pictures in turn."""
    from sdfl.train.data.detector_pictures import further_faces, load_source
    from sdfl.train.data.face_composition import clear_region

    others = further_faces(samples, teacher, cache, lambda steps: steps)
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


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sdfl.benchmarks.detector.faceless", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="root of the datasets")
    parser.add_argument("--yunet", type=Path, required=True, help="a YuNet .onnx file")
    parser.add_argument("--cache", type=Path, default=Path("runs/faceless"), help="where YuNet's answers are kept")
    options = parser.parse_args(arguments)
    made: dict[str, Any] = {
        part: draw(faceless_split(options.data, part), options.yunet, options.cache / f"{part}.json") for part in PARTS
    }
    with atomic_path(FILE) as temporary:
        lines = [f'"{part}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for part, rows in made.items()]
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
