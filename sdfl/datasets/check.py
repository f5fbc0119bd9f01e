"""`sdfl data check DIR`: which labelled pictures are there, what is missing, and a contact sheet of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sdfl.artifacts.names import has_suffix
from sdfl.datasets import wflw
from sdfl.datasets.labels import LABEL_SUFFIXES, load_labels
from sdfl.datasets.official import DATASETS, W300_PARTS, Dataset
from sdfl.datasets.pictures import read_image
from sdfl.datasets.pts import find_samples
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError, MissingDependency
from sdfl.files import atomic_path
from sdfl.geometry import evaluation_crop, invert_affine, transform_points
from sdfl.types import Image


@dataclass(frozen=True)
class DatasetPart:
    """A split of a dataset, a subset, a folder or a list of labels.

    Attributes:
        name: what it is called.
        found: how many labelled pictures are there.
        official: how many there should be, None where nobody says.
        problem: why it cannot be read, "" where it can.
        note: what was left out, "" where nothing was.
    """

    name: str
    found: int
    official: int | None = None
    problem: str = ""
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether it can be read and no picture is missing."""
        return not self.problem and self.official in (None, self.found)


@dataclass(frozen=True, eq=False)
class Check:
    """What a folder holds.

    Attributes:
        parts: of the datasets.
        samples: all labelled pictures.
    """

    parts: tuple[DatasetPart, ...]
    samples: tuple[Sample, ...]


def check(folder: Path) -> Check:
    """Look for every known dataset in a folder, else for pictures with .pts, json or list files.

    Raises:
        DataError: nothing labelled is found at all.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: is not a folder")
    parts: list[DatasetPart] = []
    samples: list[Sample] = []
    for dataset in DATASETS.values():
        root = dataset.root(folder)
        if root is not None:
            rows, found = _parts_300w(root) if dataset.name == "300w" else _splits(dataset, root)
            parts += rows
            samples += found
    if not parts:
        parts, samples = _unknown(folder)
    return Check(tuple(parts), tuple(samples))


def _splits(dataset: Dataset, root: Path) -> tuple[list[DatasetPart], list[Sample]]:
    rows, all_samples = [], []
    for split, official in dataset.counts.items():
        name = f"{dataset.name}:{split}"
        try:
            samples = dataset.load(root, split)
        except (DataError, MissingDependency) as error:
            rows.append(DatasetPart(name, 0, official, str(error)))
            continue
        rows.append(DatasetPart(name, len(samples), official))
        all_samples += samples
        if dataset.name == "wflw" and split == "test":
            members = Counter(subset for sample in samples for subset in sample.subsets)
            rows += [DatasetPart(f"{name}/{part}", members[part], count) for part, count in wflw.SUBSET_COUNTS.items()]
    return rows, all_samples


def _parts_300w(root: Path) -> tuple[list[DatasetPart], list[Sample]]:
    """300W folder by folder: users often have some of them."""
    rows, all_samples = [], []
    for part, official in W300_PARTS.items():
        if not (root / part).is_dir():
            rows.append(DatasetPart(f"300w {part}", 0, official, "folder is missing"))
            continue
        try:
            samples = find_samples(root / part, "ibug68")
        except DataError as error:
            rows.append(DatasetPart(f"300w {part}", 0, official, str(error)))
            continue
        rows.append(DatasetPart(f"300w {part}", len(samples), official))
        all_samples += samples
    return rows, all_samples


def _unknown(folder: Path) -> tuple[list[DatasetPart], list[Sample]]:
    """A folder that is no known dataset: every json and list in it, else its .pts files."""
    rows, all_samples = [], []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in LABEL_SUFFIXES:
            notes: list[str] = []
            try:
                samples = load_labels(path, say=notes.append)
            except DataError as error:
                rows.append(DatasetPart(str(path.relative_to(folder)), 0, problem=str(error)))
                continue
            rows.append(DatasetPart(str(path.relative_to(folder)), len(samples), note=" ".join(notes)))
            all_samples += samples
    if not all_samples:
        all_samples = find_samples(folder)
        rows.append(DatasetPart("pictures with .pts", len(all_samples)))
    return rows, all_samples


def contact_sheet(samples: Sequence[Sample], path: Path, *, rows: int = 4, columns: int = 6, size: int = 160) -> None:
    """Draw evenly chosen faces with their points: green, and red where the labels say that a point is covered.

    Args:
        samples: the labelled pictures.
        path: the .png file to write.
        rows: of faces.
        columns: of faces.
        size: side of one face's picture, px.

    Raises:
        DataError: the name does not end in .png, there is no picture, or one cannot be read.
    """
    if not has_suffix(path, ".png"):
        raise DataError(f"{path}: the contact sheet's name must end in .png")
    if not samples:
        raise DataError(f"{path}: there is no labelled picture to draw")
    chosen = [samples[i] for i in np.unique(np.linspace(0, len(samples) - 1, rows * columns).astype(int))]
    sheet = np.full((rows * size, columns * size, 3), 32, np.uint8)
    for place, sample in enumerate(chosen):
        top, left = place // columns * size, place % columns * size
        sheet[top : top + size, left : left + size] = _thumbnail(sample, size)
    with atomic_path(path) as temporary:
        temporary.write_bytes(cv2.imencode(".png", sheet)[1].tobytes())


def _thumbnail(sample: Sample, size: int) -> Image:
    cut = evaluation_crop(read_image(sample.image_path), sample.points, size)
    crop, points = cut.image.copy(), transform_points(invert_affine(cut.to_frame), sample.points)
    visible = sample.visible if sample.visible is not None else np.ones(len(points), bool)
    for (x, y), seen in zip(points, visible, strict=True):
        cv2.circle(crop, (round(float(x)), round(float(y))), 1, (0, 255, 0) if seen else (0, 0, 255), -1, cv2.LINE_AA)
    return np.asarray(crop, np.uint8)
