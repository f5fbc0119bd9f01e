"""Where the landmarks of a shaped and turned head lie in the picture, and which of them are covered.

Eyes, nose and mouth are vertices of the mesh, or lie on the lines between them where people set them. So do brows: in
the middle of the hair, or, among 68 points, above it. The contour follows the visible outline: each of its
points may slide from its place in front of the ear or on the jaw towards the middle of the face, and lies where it is
furthest outward in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from sdfl.train.synthetic.assets import Array, Ints
from sdfl.train.synthetic.head import PUPILS, HeadModel, rotation

# Vertices of the contour that ICT-FaceKit's README names for 98 points, from the picture's left ear to its right one.
_CONTOUR = (
    1278, 1275, 1272, 1248, 12, 820, 1834, 1902, 243, 844, 781, 1673, 2199, 801, 1447, 800, 966,
    3041, 3661, 3042, 4390, 3880, 3022, 3085, 2484, 4102, 4036, 3061, 2253, 3466, 3490, 3493, 3496,
)  # fmt: skip
_CHIN = 16  # of them
_JAW = 0.44  # share of the contour on either side of the chin that belongs to the jaw
_SLIDES = 24  # places on the way of a contour point towards the middle
TOLERANCE_CM = 0.45  # how far something must lie before a point to cover it
CONTOUR_TOLERANCE_CM = 1.2  # likewise before one of the contour, which lies on straight lines between vertices
# How ICT-FaceKit's points become those that people set: from the mean shapes of rendered faces and of AFW and HELEN
# train, turned likewise, from what `medium` finds in rendered faces, and from what a network that learned from rendered
# faces alone finds otherwise than people in HELEN's held-out pictures.
BROW_DROPS_CM = (0.45, 0.45, 0.45, 0.6, 0.8)  # from the vertices to the middle of the hair, outer end first
BROW_RISES_CM = (0.0, 0.11, 0.13, 0.19, 0.16)  # from there to the 68 points
NOSE_TIP = 0.2  # share of the way from the tip to the base
FAR_LIFT = 0.11  # times the sine of the yaw: how much higher than evenly the far cheek's points lie
CLOSER_TO_CHIN = (0.027, 0.06)  # how much closer than evenly jaw points lie to it; further, times that of the near side
UNDER_CHIN = 0.6  # how far beyond the named contour the ways of jaw points begin, as a share of the ways' length
UPPER_LIP = 0.2  # share of the way from the upper lip's outer edge to its inner one at which people see the outer edge
LINES = {  # through some of the 68 points -> the shares of their length at which those between the ends lie
    (36, 37, 38, 39): (0.385, 0.665),
    (36, 41, 40, 39): (0.37, 0.67),
    (42, 43, 44, 45): (0.335, 0.615),
    (42, 47, 46, 45): (0.33, 0.63),
    (48, 49, 50, 51, 52, 53, 54): (0.25, 0.423, 0.5, 0.577, 0.75),
    (48, 59, 58, 57, 56, 55, 54): (0.23, 0.4, 0.5, 0.6, 0.77),
    (60, 61, 62, 63, 64): (0.39, 0.5, 0.61),
    (60, 67, 66, 65, 64): (0.385, 0.5, 0.615),
}
_BROW_HALF_CM = 0.32  # half of the height that 98 points give a brow, at its middle
_BROW_SHARE = np.array([0.35, 0.8, 1.0, 1.0, 0.85])  # of it, from the outer to the inner end


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along -z.

    Attributes:
        target: cm, the place in the middle of the picture.
        distance: cm from the camera to it.
        focal_px: focal length.
        size: width and height of the picture in px.
    """

    target: tuple[float, float, float]
    distance: float
    focal_px: float
    size: tuple[int, int]

    def project(self, points: Array) -> Array:
        """points: (..., 3) cm. Returns (..., 3): x, y in px ((0, 0) is the top-left pixel's centre), distance in cm."""
        depth = self.distance + self.target[2] - points[..., 2]
        x = (self.size[0] - 1) / 2 + self.focal_px * (points[..., 0] - self.target[0]) / depth
        y = (self.size[1] - 1) / 2 - self.focal_px * (points[..., 1] - self.target[1]) / depth
        return np.stack([x, y, depth], axis=-1)


class Labeller:
    """Finds the landmarks of any shape of a head model.

    Args:
        model: whose vertices the points are.

    Attributes:
        lids: vertices along the upper and lower lid of the picture's left eye, then of its right eye.
    """

    def __init__(self, model: HeadModel) -> None:
        self._model = model
        chains = {stops: self._chain(stops) for stops in LINES}
        self.lids = [chains[stops] for stops in _LIDS]
        self._lines = [(chains[stops], list(stops[1:-1]), shares) for stops, shares in LINES.items()]
        self._ways = _ways_inward(model.face_uv)

    def _chain(self, stops: Sequence[int]) -> Ints:
        """Vertices of the line through some of the 68 points."""
        return self._model.chain([int(each) for each in self._model.landmarks[list(stops)]])

    def points(self, vertices: Array, pose: Sequence[float], camera: Camera) -> tuple[Array, Array]:
        """The places of all points.

        Args:
            vertices: (V, 3) cm of the shaped and turned head.
            pose: yaw, pitch and roll in degrees.
            camera: that takes the picture.

        Returns:
            (68, 3) and (98, 3) cm, in the order of ibug68 and wflw98.
        """
        matrix = rotation(*pose)
        marks = vertices[self._model.landmarks].astype(np.float64)
        contour = self._contour(vertices, matrix, camera)
        down = -matrix[:, 1]
        brows = marks[17:27] + np.array([*BROW_DROPS_CM, *BROW_DROPS_CM[::-1]])[:, None] * down
        for line, numbers, shares in self._lines:
            marks[numbers] = _along(vertices[line], np.array(shares))
        marks[30] += NOSE_TIP * (marks[33] - marks[30])
        marks[49:54] += UPPER_LIP * (marks[[61, 61, 62, 63, 63]] - marks[49:54])
        points68 = marks.copy()
        points68[:17] = contour[::2]
        points68[17:27] = brows - np.array([*BROW_RISES_CM, *BROW_RISES_CM[::-1]])[:, None] * down
        points98 = np.zeros((98, 3))
        points98[:33] = contour
        half = (_BROW_HALF_CM * _BROW_SHARE)[:, None] * down
        left, right = brows[:5], brows[5:][::-1]  # both from the outer to the inner end
        points98[33:38], points98[[41, 40, 39, 38]] = left - half, (left + half)[1:]
        points98[[46, 45, 44, 43, 42]], points98[[47, 48, 49, 50]] = right - half, (right + half)[1:]
        points98[51:60] = marks[27:36]
        for lid, (first, second, last) in zip(self.lids, _LIDS98, strict=True):
            points98[[first, *second, last]] = _along(vertices[lid], np.linspace(0, 1, 5))
        points98[76:96] = marks[48:68]
        points98[[96, 97]] = vertices[list(PUPILS)]
        return points68.astype(np.float32), points98.astype(np.float32)

    def _contour(self, vertices: Array, matrix: npt.NDArray[np.float64], camera: Camera) -> Array:
        """(33, 3) cm, from the left ear over the chin to the right ear."""
        ways = vertices[self._ways]
        pixels = camera.project(ways)[..., :2]
        right, down = matrix[:2, 0] * (1, -1), -matrix[:2, 1] * (1, -1)  # in the picture
        right, down = (way / max(float(np.linalg.norm(way)), 0.2) for way in (right, down))
        angle = np.linspace(-1, 1, 2 * _CHIN + 1) * np.pi / 2  # outward is sideways at the ears and down at the chin
        outward = np.sin(angle)[:, None] * right + np.cos(angle)[:, None] * down
        best = np.einsum("ijk,ik->ij", pixels, outward).argmax(axis=1)
        index = np.arange(len(ways))
        flat, space = pixels[index, best], ways[index, best]
        places = _evenly(flat, float(matrix[0, 2]))
        return np.stack([np.interp(places, index, space[:, axis]) for axis in range(3)], axis=1)


def _evenly(line: Array, turn: float) -> Array:
    """(33,) places, as indices with fractions, spaced along (33, 2) points on either side of the chin."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    share = np.linspace(0, 1, _CHIN + 1)  # from the chin to the ear
    lift = FAR_LIFT * np.where(share > 0.25, np.sin(np.pi * (share - 0.25) / 0.75), 0)
    jaw = np.where(share < 0.5, np.sin(2 * np.pi * share), 0)
    left, right = (
        share + max(-side, 0) * lift - (CLOSER_TO_CHIN[0] + CLOSER_TO_CHIN[1] * max(side, 0)) * jaw
        for side in (turn, -turn)
    )
    chin = length[_CHIN]
    wanted = np.concatenate([chin * (1 - left[::-1]), chin + (length[-1] - chin) * right[1:]])
    return np.asarray(np.interp(wanted, length, np.arange(len(line))))


_LIDS = ((36, 37, 38, 39), (36, 41, 40, 39), (42, 43, 44, 45), (42, 47, 46, 45))
_LIDS98 = (
    (60, (61, 62, 63), 64), (60, (67, 66, 65), 64), (68, (69, 70, 71), 72), (68, (75, 74, 73), 72),
)  # fmt: skip


def _along(line: Array, shares: Array) -> Array:
    """(S, 3), the places at these shares of the length of a line of (K, 3) points."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.stack([np.interp(shares * length[-1], length, line[:, axis]) for axis in range(3)], axis=1)


def _ways_inward(uv: Array) -> Ints:
    """(33, _SLIDES) vertices on a straight way in the texture from each contour vertex towards the middle."""
    known = np.flatnonzero(~np.isnan(uv[:, 0]))
    tree = cKDTree(uv[known])
    ways = []
    for number, vertex in enumerate(_CONTOUR):
        start, aside = uv[vertex], (number - _CHIN) / _CHIN  # -1 at the left ear, 1 at the right one
        if abs(aside) > _JAW:
            end = np.array([0.5 + 0.1 * np.sign(aside), start[1]])
        else:  # at the jaw the way goes up towards the corner of the mouth
            end = start + 0.85 * (np.array([0.5 + 0.08 * aside, 0.34 + 0.09 * abs(aside)]) - start)
            start = start - UNDER_CHIN * min(1.0, (_JAW - abs(aside)) / 0.2) * (end - start)
        places = start + np.linspace(0, 1, _SLIDES)[:, None] * (end - start)
        ways.append(known[tree.query(places)[1]])
    return np.array(ways, np.int32)


def visible(
    points: Array, camera: Camera, covers: Array, strands: Array, *, contour: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which points the camera sees.

    Args:
        points: (N, 3) cm.
        camera: that takes the picture.
        covers: (T, 3, 3) cm, triangles of everything that is not transparent.
        strands: (S, 3) cm, places on hairs; a few of them before a point cover it.
        contour: (N,) which points belong to the contour.

    Returns:
        (N,) False for what lies outside the picture, or TOLERANCE_CM (CONTOUR_TOLERANCE_CM) behind something.
    """
    seen = camera.project(points)
    limits = seen[:, 2] - np.where(contour, CONTOUR_TOLERANCE_CM, TOLERANCE_CM)
    width, height = camera.size
    inside = (seen[:, 0] > -0.5) & (seen[:, 0] < width - 0.5) & (seen[:, 1] > -0.5) & (seen[:, 1] < height - 0.5)
    inside &= ~_behind(seen, limits, camera.project(covers))
    if len(strands):
        hairs = camera.project(strands)
        near = cKDTree(hairs[:, :2]).query_ball_point(seen[:, :2], 0.2 * camera.focal_px / camera.distance)
        before = [(hairs[places, 2] < limit).sum() for places, limit in zip(near, limits, strict=True)]
        inside &= np.array(before) < _HAIRS
    return inside


_HAIRS = 6  # places on hairs within 2 mm of a point before it counts as covered


def _behind(seen: Array, limits: Array, corners: Array) -> npt.NDArray[np.bool_]:
    """(N,), whether some triangle of (T, 3, 3) projected corners is nearer than its limit at each projected point."""
    x, y, depth = (np.ascontiguousarray(corners[..., axis].T, np.float32) for axis in range(3))  # (3, T) each
    low_x, high_x, low_y, high_y = (f(f(v[0], v[1]), v[2]) for v in (x, y) for f in (np.minimum, np.maximum))
    (left, top, _), (right, bottom, _) = seen.min(axis=0), seen.max(axis=0)
    could = (low_x <= right) & (high_x >= left) & (low_y <= bottom) & (high_y >= top) & (depth > 0).all(axis=0)
    could &= depth.min(axis=0) < limits.max()
    x, y, depth = x[:, could], y[:, could], depth[:, could]
    low_x, high_x, low_y, high_y = low_x[could], high_x[could], low_y[could], high_y[could]
    hidden = np.zeros(len(seen), bool)
    for number, (px, py) in enumerate(seen[:, :2]):
        at = np.flatnonzero((low_x <= px) & (high_x >= px) & (low_y <= py) & (high_y >= py))
        a, b, c = (np.stack([x[k, at] - px, y[k, at] - py]) for k in range(3))
        areas = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)])
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = areas / areas.sum(axis=0)
            inverse = (shares / depth[:, at]).sum(axis=0)  # perspective keeps 1/z linear
        hidden[number] = bool(((shares >= 0).all(axis=0) & (inverse > 1 / limits[number])).any())
    return hidden


def _cross(a: Array, b: Array) -> Array:
    return np.asarray(a[0] * b[1] - a[1] * b[0])
