"""COFW (Burgos-Artizzu et al., ICCV 2013) in its official MATLAB files, and COFW-68 (Ghiasi and Fowlkes).

`COFW_train_color.mat` and `COFW_test_color.mat` are v7.3 (HDF5): pictures (cells `IsTr`, `IsT`) and `phisTr`, `phisT`
with 29 x, 29 y and 29 occlusion flags a face, 1-based. COFW-68 adds `test_annotations/<i>_points.mat` (v5; `Points`
(68, 2), 1-based, and `Occ`) for the test pictures, counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets.fields import LARGEST_PX, finite_points
from sdfl.datasets.sample import Sample
from sdfl.errors import DataError, MissingDependency
from sdfl.types import Image

COUNTS = {"train": 1345, "test": 507}
FILES = {"train": "COFW_train_color.mat", "test": "COFW_test_color.mat"}
ANNOTATIONS_68 = ("test_annotations", "COFW68_Data/test_annotations")
_KEYS = {"train": ("IsTr", "phisTr"), "test": ("IsT", "phisT")}
_POINTS = 29


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """The file, whose damage shows anywhere while it is read. Raises DataError."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingDependency("h5py", extra="datasets") from error
    try:
        with h5py.File(path, "r") as file:
            yield file
    except DataError:
        raise
    except Exception as error:  # h5py raises errors of a dozen kinds for damage
        raise DataError(f"{path}: is not a complete MATLAB v7.3 file, or is damaged; download it again") from error


def load(root: Path, split: str) -> list[Sample]:
    """Read the labelled pictures of a split, 29 points each.

    Args:
        root: folder of the MATLAB files.
        split: "train" or "test".

    Raises:
        DataError: names the file and the key that is wrong.
        MissingDependency: h5py is not installed.
    """
    path = root / FILES[split]
    if not path.is_file():
        raise DataError(f"{path}: does not exist; put COFW's colour files there")
    pictures, labels = _KEYS[split]
    with _open(path) as file:
        for key in (pictures, labels):
            if key not in file:
                raise DataError(f"{path}: has no {key}; is it {FILES[split]} as published?")
        count = file[pictures].size
        values = np.asarray(file[labels], dtype=np.float32)
    if values.shape != (3 * _POINTS, count):
        raise DataError(f"{path}: {labels} must have shape ({3 * _POINTS}, {count}), got {values.shape}")
    x, y, covered = values.T.reshape(count, 3, _POINTS).transpose(1, 0, 2)
    points = (
        finite_points(np.stack([x, y], axis=-1).ravel().tolist(), f"{path}: {labels}").reshape(count, _POINTS, 2) - 1.0
    )
    return [Sample(path / str(i), points[i], "cofw29", visible=covered[i] < 0.5) for i in range(count)]


def load_68(root: Path) -> list[Sample]:
    """Read the 68 points of COFW-68 on COFW's test pictures.

    Args:
        root: folder of COFW's MATLAB files and of COFW-68's annotations.

    Raises:
        DataError: names the file that is missing or wrong.
        MissingDependency: h5py or scipy is not installed.
    """
    pictures = root / FILES["test"]
    if not pictures.is_file():
        raise DataError(f"{pictures}: does not exist; COFW-68 labels COFW's own test pictures")
    folder = next((root / place for place in ANNOTATIONS_68 if (root / place).is_dir()), None)
    if folder is None:
        raise DataError(f"{root / ANNOTATIONS_68[0]}: is not a folder; put COFW-68's test_annotations there")
    files = sorted(folder.glob("*_points.mat"), key=_number)
    if not files:
        raise DataError(f"{folder}: holds no <i>_points.mat")
    return [_sample_68(path, pictures / str(_number(path) - 1)) for path in files]


def _number(path: Path) -> int:
    number = path.name.partition("_")[0]
    if not number.isdigit():
        raise DataError(f"{path}: the name must be <i>_points.mat with the picture's number")
    return int(number)


def _sample_68(path: Path, picture: Path) -> Sample:
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise MissingDependency("scipy", extra="datasets") from error
    try:
        content = loadmat(path)
        points = np.asarray(content["Points"], dtype=np.float32) - 1.0
        covered = np.asarray(content["Occ"]).ravel().astype(bool)
    except Exception as error:  # scipy raises errors of a dozen kinds for damage
        raise DataError(f"{path}: is not a COFW-68 label (MATLAB file with Points and Occ)") from error
    if points.shape != (68, 2) or covered.shape != (68,) or not (np.abs(points) <= LARGEST_PX).all():
        raise DataError(
            f"{path}: Points must be 68 finite x and y and Occ 68 flags, got {points.shape}, {covered.shape}"
        )
    return Sample(picture, points, "ibug68", visible=~covered)


def read_picture(path: Path) -> Image:
    """Read a picture inside a COFW file.

    Args:
        path: `<file>.mat/<i>` for the i-th picture, from 0.

    Returns:
        (H, W, 3) uint8 BGR; a grey picture has three equal channels.

    Raises:
        DataError: names the file, or the number that it has no picture of.
        MissingDependency: h5py is not installed.
    """
    container = path.parent
    with _open(container) as file:
        key = next((pictures for pictures, _ in _KEYS.values() if pictures in file), None)
        cells = file[key][()].ravel() if key else ()
        if not path.name.isdigit() or int(path.name) >= len(cells):
            raise DataError(f"{container}: has {len(cells)} pictures, number {path.name} is not among them")
        stored = np.asarray(file[cells[int(path.name)]])
    if stored.ndim == 2:
        stored = np.repeat(stored[None], 3, axis=0)
    if stored.ndim != 3 or stored.shape[0] != 3:
        raise DataError(f"{container}: picture {path.name} must be (H, W) or (H, W, 3), got {stored.shape[::-1]}")
    return np.ascontiguousarray(stored.transpose(2, 1, 0)[..., ::-1].astype(np.uint8))
