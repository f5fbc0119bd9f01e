"""One labelled picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import DataError
from sdfl.layouts import get_layout
from sdfl.types import FloatArray, Image, require_shape


@dataclass(frozen=True, eq=False)
class Sample:
    """image_path: a picture; points: (N, 2) float32 px of that picture (0-based, pixel centres); layout: its name.

    A picture inside a MATLAB file has that file as its folder: `COFW_test_color.mat/12`. subsets: the test subsets that
    it belongs to ("pose", "blur", ...). visible: (N,) bool where the labels say which points are not covered.
    """

    image_path: Path
    points: FloatArray
    layout: str
    subsets: tuple[str, ...] = ()
    visible: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        num_points = get_layout(self.layout).num_points
        require_shape("Sample.points", self.points, (num_points, 2))
        if self.visible is not None:
            require_shape("Sample.visible", self.visible, (num_points,))


def read_image(path: Path) -> Image:
    """Any picture that OpenCV reads, or one inside a COFW file, as (H, W, 3) uint8 BGR. Raises DataError naming the
    file."""
    if path.parent.suffix == ".mat":
        from sdfl.datasets.cofw import read_picture

        return read_picture(path)
    try:
        content = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        raise DataError(f"{path}: is not a picture that can be decoded; replace or remove it")
    return np.asarray(image, dtype=np.uint8)
