"""One labelled picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sdfl.checks import require_shape
from sdfl.layouts import get_layout
from sdfl.types import FloatArray


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture with the landmarks of one face.

    Attributes:
        image_path: the picture. One inside a MATLAB file has that file as its folder: `COFW_test_color.mat/12`.
        points: (N, 2) float32 px of the picture; (0, 0) is the centre of the top-left pixel.
        layout: order of the points, a name of `sdfl.layouts.LAYOUTS`.
        subsets: the test subsets that it belongs to ("pose", "blur", ...).
        visible: (N,) bool where the labels say which points are not covered.
        share: how often a training draws it, against others.
    """

    image_path: Path
    points: FloatArray
    layout: str
    subsets: tuple[str, ...] = ()
    visible: npt.NDArray[np.bool_] | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        num_points = get_layout(self.layout).num_points
        require_shape("Sample.points", self.points, (num_points, 2))
        if self.visible is not None:
            require_shape("Sample.visible", self.visible, (num_points,))
