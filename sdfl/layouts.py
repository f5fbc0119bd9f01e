"""Landmark layouts: everything that is known about the points of each one.

Left and right are those of the picture, as a viewer sees it: `left_eye` is the eye nearer to the picture's left edge,
which is the right eye of a person who looks into the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError, shown

Indices = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The order and meaning of N points.

    Attributes:
        num_points: N.
        mirror: pairs of indices that swap when a picture is flipped left to right.
        eye_corners: outer corners of the left and the right eye. Their distance is the inter-ocular distance.
        pupils: the points whose mean is the centre of the left and of the right eye.
        nose_tip: index of the tip of the nose.
        mouth_corners: outer corners of the mouth, the left one first.
        regions: name -> indices; together they hold every point once.
        parts: name -> indices of the parts that `Landmarks` gives by name.
        curves: runs of indices that a drawing joins by lines.
        rigid: points of `sdfl.pose.RIGID`, empty where the layout lacks some of them.
        eyelids: for the left and the right eye two corners, then pairs of upper and lower lid; empty likewise.
        inner_lips: two corners, then pairs of upper and lower lip; empty likewise.
    """

    name: str
    num_points: int
    mirror: tuple[tuple[int, int], ...]
    eye_corners: tuple[int, int]
    pupils: tuple[Indices, Indices]
    nose_tip: int
    mouth_corners: tuple[int, int]
    regions: dict[str, Indices]
    parts: dict[str, Indices]
    curves: tuple[Indices, ...]
    rigid: Indices = ()
    eyelids: tuple[Indices, Indices] | tuple[()] = ()
    inner_lips: Indices = ()

    def flip_index(self) -> npt.NDArray[np.intp]:
        """Returns (N,) such that `points[flip_index]` puts the points of a mirrored picture in order."""
        index = np.arange(self.num_points)
        for a, b in self.mirror:
            index[a], index[b] = b, a
        return index


def _run(first: int, last: int, *, closed: bool = False) -> Indices:
    return tuple(range(first, last + 1)) + ((first,) if closed else ())


def _fold(first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Pairs of a symmetric run: first with last, second with last but one, ..."""
    return tuple((first + i, last - i) for i in range((last - first + 1) // 2))


IBUG68 = Layout(
    name="ibug68",
    num_points=68,
    mirror=(
        *_fold(0, 16), *_fold(17, 26), *_fold(31, 35),
        (36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46),
        *_fold(48, 54), (55, 59), (56, 58), *_fold(60, 64), (65, 67),
    ),
    eye_corners=(36, 45),
    pupils=(_run(36, 41), _run(42, 47)),
    nose_tip=30,
    mouth_corners=(48, 54),
    regions={
        "contour": _run(0, 16), "brows": _run(17, 26), "nose": _run(27, 35),
        "eyes": _run(36, 47), "mouth": _run(48, 67),
    },
    parts={
        "jaw": _run(0, 16), "left_brow": _run(17, 21), "right_brow": _run(22, 26), "nose": _run(27, 35),
        "left_eye": _run(36, 41), "right_eye": _run(42, 47), "mouth": _run(48, 67),
    },
    curves=(
        _run(0, 16), _run(17, 21), _run(22, 26), _run(27, 30), _run(31, 35),
        _run(36, 41, closed=True), _run(42, 47, closed=True), _run(48, 59, closed=True), _run(60, 67, closed=True),
    ),
    rigid=(36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35),
    eyelids=((36, 39, 37, 41, 38, 40), (42, 45, 43, 47, 44, 46)),
    inner_lips=(60, 64, 61, 67, 62, 66, 63, 65),
)  # fmt: skip

WFLW98 = Layout(
    name="wflw98",
    num_points=98,
    mirror=(
        *_fold(0, 32), (33, 46), (34, 45), (35, 44), (36, 43), (37, 42), (38, 50), (39, 49), (40, 48), (41, 47),
        *_fold(55, 59), (60, 72), (61, 71), (62, 70), (63, 69), (64, 68), (65, 75), (66, 74), (67, 73),
        *_fold(76, 82), (83, 87), (84, 86), *_fold(88, 92), (93, 95), (96, 97),
    ),
    eye_corners=(60, 72),
    pupils=((96,), (97,)),
    nose_tip=54,
    mouth_corners=(76, 82),
    regions={
        "contour": _run(0, 32), "brows": _run(33, 50), "nose": _run(51, 59),
        "eyes": (*_run(60, 75), 96, 97), "mouth": _run(76, 95),
    },
    parts={
        "jaw": _run(0, 32), "left_brow": _run(33, 41), "right_brow": _run(42, 50), "nose": _run(51, 59),
        "left_eye": (*_run(60, 67), 96), "right_eye": (*_run(68, 75), 97), "mouth": _run(76, 95),
    },
    curves=(
        _run(0, 32), _run(33, 41, closed=True), _run(42, 50, closed=True), _run(51, 54), _run(55, 59),
        _run(60, 67, closed=True), _run(68, 75, closed=True), _run(76, 87, closed=True), _run(88, 95, closed=True),
    ),
    rigid=(60, 64, 68, 72, 51, 52, 53, 54, 55, 57, 59),
    eyelids=((60, 64, 61, 67, 62, 66, 63, 65), (68, 72, 69, 75, 70, 74, 71, 73)),
    inner_lips=(88, 92, 89, 95, 90, 94, 91, 93),
)  # fmt: skip

COFW29 = Layout(
    name="cofw29",
    num_points=29,
    mirror=(
        (0, 1), (4, 6), (2, 3), (5, 7), (8, 9), (10, 11), (12, 14), (16, 17), (13, 15), (18, 19), (22, 23),
    ),
    eye_corners=(8, 9),
    pupils=((16,), (17,)),
    nose_tip=20,
    mouth_corners=(22, 23),
    regions={
        "contour": (28,), "brows": _run(0, 7), "nose": _run(18, 21), "eyes": _run(8, 17), "mouth": _run(22, 27),
    },
    parts={
        "jaw": (28,), "left_brow": (0, 2, 4, 5), "right_brow": (1, 3, 6, 7), "nose": _run(18, 21),
        "left_eye": (8, 10, 12, 13, 16), "right_eye": (9, 11, 14, 15, 17), "mouth": _run(22, 27),
    },
    curves=(
        (0, 4, 2, 5, 0), (1, 6, 3, 7, 1), (8, 12, 10, 13, 8), (9, 14, 11, 15, 9), (18, 20, 19), (22, 24, 23, 27, 22),
    ),
)  # fmt: skip

LAYOUTS = {layout.name: layout for layout in (IBUG68, WFLW98, COFW29)}


def get_layout(name: str) -> Layout:
    """The layout called `name`.

    Raises:
        ConfigError: lists the choices.
    """
    if name not in LAYOUTS:
        raise ConfigError(f"layout must be one of {', '.join(LAYOUTS)}, got {shown(name)}")
    return LAYOUTS[name]


def layout_with(num_points: int) -> Layout | None:
    """The layout with this number of points, None where there is none."""
    return next((layout for layout in LAYOUTS.values() if layout.num_points == num_points), None)
