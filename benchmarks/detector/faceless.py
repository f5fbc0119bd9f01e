"""Fixed crops without a face, in which every detection is a false one.

`FILE` lists them by picture. `python -m sdfl.benchmarks.detector.faceless --data DIR --yunet FILE` drew it: parts of
the windows of HELEN's test pictures ("test") and of the held-out fifth of its training pictures ("validation") that
touch neither the labelled face nor anything that YuNet takes for one with a score above 0.3. By eye none shows a face;
some show a forehead, a chin, an ear or a neck.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets import Sample, find_samples, read_image
from sdfl.errors import DataError
from sdfl.files import atomic_path
from sdfl.types import Image

FILE = Path(__file__).parent / "faceless.json"
COUNT = 500
LEAST_PX = 48
PARTS = ("validation", "test")
Row = tuple[str, int, int, int, int]  # picture, x0, y0, x1, y1


def split(data: Path, part: str) -> list[Sample]:
    """The pictures of "validation" or "test" below a dataset's root `data`."""
    if part == "test":
        return find_samples(data / "300w" / "helen" / "testset", "ibug68")
    return find_samples(data / "300w" / "helen" / "trainset", "ibug68")[::5]


def faceless_crops(data: Path, part: str) -> list[Image]:
    """The 500 crops of "validation" or "test". Raises DataError naming a picture that is missing or another one."""
    rows: list[Row] = [tuple(row) for row in json.loads(FILE.read_text(encoding="utf-8"))[part]]
    paths = {sample.image_path.name: sample.image_path for sample in split(data, part)}
    images: dict[str, Image] = {}
    crops = []
    for name, x0, y0, x1, y1 in rows:
        if name not in paths:
            raise DataError(f"{data}: has no picture {name}, which a crop without a face is taken from")
        if name not in images:
            images[name] = read_image(paths[name])
        crop = images[name][y0:y1, x0:x1]
        if crop.shape[:2] != (y1 - y0, x1 - x0):
            raise DataError(f"{paths[name]}: is smaller than the published picture")
        crops.append(crop)
    return crops


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
        part: draw(split(options.data, part), options.yunet, options.cache / f"{part}.json") for part in PARTS
    }
    with atomic_path(FILE) as temporary:
        lines = [f'"{part}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for part, rows in made.items()]
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
