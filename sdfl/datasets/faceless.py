"""Fixed crops without a face, in which every detection is a false one.

`faceless.json` lists them by picture: parts of HELEN's test pictures ("test") and of the held-out fifth of its training
pictures ("validation") that touch neither the labelled face nor anything that YuNet takes for one with a score above
0.3. By eye none shows a face; some show a forehead, a chin, an ear or a neck. `sdfl.benchmarks.detector.faceless` drew
the list.
"""

from __future__ import annotations

import json
from pathlib import Path

from sdfl.datasets.pictures import read_image
from sdfl.datasets.pts import find_samples
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError
from sdfl.types import Image

FILE = Path(__file__).with_name("faceless.json")
PARTS = ("validation", "test")
Row = tuple[str, int, int, int, int]  # picture, x0, y0, x1, y1


def faceless_split(data: Path, part: str) -> list[Sample]:
    """The labelled pictures that the crops of a part come from.

    Args:
        data: folder that holds 300w/helen.
        part: one of PARTS.

    Raises:
        DataError: the pictures are missing.
    """
    if part == "test":
        return find_samples(data / "300w" / "helen" / "testset", "ibug68")
    return find_samples(data / "300w" / "helen" / "trainset", "ibug68")[::5]


def faceless_crops(data: Path, part: str) -> list[Image]:
    """Cut the 500 crops without a face of a part.

    Args:
        data: folder that holds 300w/helen.
        part: one of PARTS.

    Returns:
        Crops (H, W, 3) uint8 BGR of different sizes.

    Raises:
        DataError: names a picture that is missing or smaller than the published one.
    """
    rows: list[Row] = [tuple(row) for row in json.loads(FILE.read_text(encoding="utf-8"))[part]]
    paths = {sample.image_path.name: sample.image_path for sample in faceless_split(data, part)}
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
