"""Datasets as they are published: which splits they have, how many pictures belong there, where they lie.

`load_split(data, "wflw:test")` reads one; a part of a test set follows after a slash: `wflw:test/pose`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdfl.datasets import cofw, wflw
from sdfl.datasets.pts import find_samples
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError

Loader = Callable[[Path, str], list[Sample]]
W300_PARTS = {
    "afw": 337,
    "helen/trainset": 2000,
    "lfpw/trainset": 811,
    "helen/testset": 330,
    "lfpw/testset": 224,
    "ibug": 135,
}
W300_SPLITS = {
    "train": ("afw", "helen/trainset", "lfpw/trainset"),
    "common": ("helen/testset", "lfpw/testset"),
    "challenging": ("ibug",),
    "full": ("helen/testset", "lfpw/testset", "ibug"),
}


def _load_300w(root: Path, split: str) -> list[Sample]:
    return [sample for part in W300_SPLITS[split] for sample in find_samples(root / part, "ibug68")]


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is published.

    Attributes:
        name: as in "<name>:<split>".
        folders: names of its root below --data.
        counts: split -> official number of pictures.
        markers: paths that only this dataset has, to recognise its root.
        load: reads a split from a root.
        needs: what to put where, in words.
    """

    name: str
    folders: tuple[str, ...]
    counts: dict[str, int]
    markers: tuple[str, ...]
    load: Loader
    needs: str

    def root(self, data: Path) -> Path | None:
        """Find the dataset.

        Args:
            data: the dataset's root, or a folder that holds it.

        Returns:
            The root, None where no marker is found.
        """
        roots = (data, *(data / folder for folder in self.folders))
        return next((root for root in roots if any((root / marker).exists() for marker in self.markers)), None)


_WFLW_LISTS = tuple(
    f"{place}{wflw.LIST.format(split=split)}"
    for split in wflw.COUNTS
    for place in ("WFLW_annotations/list_98pt_rect_attr_train_test/", "list_98pt_rect_attr_train_test/", "")
)
DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "wflw", ("wflw", "WFLW"), wflw.COUNTS, _WFLW_LISTS, wflw.load,
            "WFLW_images/ and WFLW_annotations/ (wywu.github.io/projects/LAB/WFLW.html) in wflw/",
        ),
        Dataset(
            "300w", ("300w", "300W"),
            {split: sum(W300_PARTS[part] for part in parts) for split, parts in W300_SPLITS.items()},
            tuple(W300_PARTS), _load_300w,
            "afw, helen, lfpw and ibug (ibug.doc.ic.ac.uk/resources/facial-point-annotations) in 300w/",
        ),
        Dataset(
            "cofw", ("cofw", "COFW"), cofw.COUNTS, tuple(cofw.FILES.values()), cofw.load,
            "COFW_train_color.mat and COFW_test_color.mat (data.caltech.edu, COFW) in cofw/",
        ),
        Dataset(
            "cofw68", ("cofw", "COFW", "cofw68"), {"test": 507}, cofw.ANNOTATIONS_68,
            lambda root, split: cofw.load_68(root),  # noqa: ARG005
            "COFW_test_color.mat and test_annotations/ (github.com/golnazghiasi/cofw68-benchmark) in cofw/",
        ),
    )
}  # fmt: skip


def is_split(name: str) -> bool:
    """Whether `name` has the form "<dataset>:<split>" of a known dataset."""
    return name.partition(":")[0] in DATASETS and ":" in name


def load_split(data: Path, name: str) -> list[Sample]:
    """Read a split of a dataset.

    Args:
        data: the dataset's root, or a folder that holds it.
        name: "<dataset>:<split>", or "<dataset>:<split>/<subset>".

    Raises:
        DataError: there is no such split (lists the choices), or its files are missing (says what to put where).
        MissingDependency: a package that reads its files is not installed.
    """
    key, _, rest = name.partition(":")
    split, _, subset = rest.partition("/")
    if key not in DATASETS or split not in DATASETS[key].counts:
        choices = ", ".join(f"{each.name}:{part}" for each in DATASETS.values() for part in each.counts)
        raise DataError(f"{name}: no such split; choose one of {choices}")
    dataset = DATASETS[key]
    root = dataset.root(data)
    if root is None:
        raise DataError(f"{name}: not found below {data}; put {dataset.needs}")
    samples = dataset.load(root, split)
    if subset:
        samples = [sample for sample in samples if subset in sample.subsets]
        if not samples:
            raise DataError(f"{name}: no picture of {split} belongs to {subset!r}")
    return samples
