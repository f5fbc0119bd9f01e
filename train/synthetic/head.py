"""The head: a mesh of ICT-FaceKit's light model that takes any identity, age and expression and turns on its neck.

Units are cm; x is the picture's right, y up, z towards the camera, and the face looks along z.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from sdfl.train.synthetic.assets import Array, Ints, load_ict

PARTS = ("face", "back", "gums", "teeth", "sclera_right", "sclera_left", "lashes")  # left and right of the picture
_MATERIALS = dict(zip(PARTS, (0, 1, 2, 3, 4, 6, 11), strict=True))  # order in the OBJ file
_PIVOT = np.array([0.0, -6.0, 0.0], np.float32)  # the joint that the head turns about
_EYE_LEVEL = 3.6
SKULL = np.array([0.0, 5.0, 1.5])  # its centre
EYES = np.array(
    [[-3.12, 3.6, 7.98], [3.12, 3.6, 7.98]], np.float32
)  # centres of the eyeballs, left of the picture first
PUPILS = (23421, 21851)  # vertices at the poles of the eyeballs, likewise


def rotation(yaw: float, pitch: float, roll: float) -> npt.NDArray[np.float64]:
    """(3, 3) rotation of a head, angles in degrees as in `sdfl.pose.HeadPose`."""
    (cy, sy), (cp, sp), (cr, sr) = (
        (math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (yaw, -pitch, -roll)
    )
    around_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(around_y @ around_x @ around_z)


def turned(points: Array, pose: Sequence[float]) -> Array:
    """Turn points of the head and bend the neck below it.

    Args:
        points: (..., 3) cm of the head that looks straight ahead.
        pose: yaw, pitch and roll in degrees.

    Returns:
        (..., 3) cm. What lies at the neck's base turns by a third of the angle.
    """
    matrix = rotation(*pose)
    angle = math.acos(min(1.0, max(-1.0, (np.trace(matrix) - 1) / 2)))
    if angle < 1e-6:
        return np.array(points)
    skew: Array = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    axis: Array = skew / (2 * math.sin(angle))
    share = np.clip((points[..., 1] + 16) / 9, 0, 1)
    theta = (angle * (0.35 + 0.65 * share**2 * (3 - 2 * share)))[..., None]
    arm = points - _PIVOT
    along = (arm @ axis)[..., None] * axis
    moved = along + (arm - along) * np.cos(theta) + np.cross(axis, arm) * np.sin(theta)  # Rodrigues' formula
    return np.asarray(moved + _PIVOT, np.float32)


class HeadModel:
    """The neutral mesh with its blend shapes.

    Args:
        folder: holds the assets, see `sdfl.train.synthetic.assets`.

    Attributes:
        neutral: (V, 3) cm.
        landmarks: (68,) vertices of the iBUG points; those of the contour are of the face that looks straight ahead.
        expressions: names of the expression shapes.

    Raises:
        DataError: the assets are missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        data = load_ict(folder)
        self.neutral: Array = data["V"]
        self.landmarks: npt.NDArray[np.int64] = data["lm"]
        self.expressions = [str(name) for name in data["exn"]]
        self._identities, self._shapes = data["ids"], data["ex"]
        self._faces: dict[str, tuple[Ints, Ints, Array]] = {
            name: _polygons(data, number) for name, number in _MATERIALS.items()
        }

    def part(self, name: str) -> tuple[Ints, Ints, Ints, Array]:
        """A part of the mesh.

        Args:
            name: in PARTS.

        Returns:
            (U,) vertices that it uses, (L,) loops that count among these, (F,) polygon sizes, (L, 2) texture
            coordinates.
        """
        loops, sizes, uv = self._faces[name]
        used, inverse = np.unique(loops, return_inverse=True)
        return used.astype(np.int32), inverse.astype(np.int32).ravel(), sizes, uv

    @cached_property
    def skin(self) -> Ints:
        """(T, 3) triangles of face and back of the head, for normals, hair and visibility."""
        return np.concatenate([triangles(*self._faces[name][:2]) for name in ("face", "back")])

    @cached_property
    def face_uv(self) -> Array:
        """(V, 2) texture coordinates of the face's vertices, NaN elsewhere."""
        loops, _, uv = self._faces["face"]
        of_vertex = np.full((len(self.neutral), 2), np.nan, np.float32)
        of_vertex[loops] = uv
        return of_vertex

    def shaped(
        self, identity: Array, expression: Mapping[str, float], *, child: float = 0.0, age: float = 0.0
    ) -> Array:
        """The mesh of one person with one expression.

        Args:
            identity: (100,) weights of the identity shapes, in standard deviations.
            expression: name of a shape -> weight in 0..1; a name without `_L` and `_R` stands for both.
            child: 0 for a grown-up, 1 for a small child.
            age: 0 young, 1 old; of grown-ups.

        Returns:
            (V, 3) cm, looking straight ahead.
        """
        vertices = self.neutral + np.tensordot(identity.astype(np.float32), self._identities, 1).astype(np.float32)
        if age > 0:
            vertices[:, 1] -= 0.45 * age * _blob(self.neutral, (4.6, -3.2, 7.0), 2.2)  # jowls
            vertices[:, 1] -= 0.25 * age * _blob(self.neutral, (2.5, -3.0, 10.0), 1.6)
        for number, name in enumerate(self.expressions):
            weight = expression.get(name, expression.get(name.removesuffix("_L").removesuffix("_R"), 0.0))
            if weight:
                vertices += np.float32(weight) * self._shapes[number].astype(np.float32)
        return _as_child(vertices, child) if child > 0 else vertices

    def chain(self, stops: Sequence[int]) -> Ints:
        """(K,) vertices of the shortest way along the face's edges from one of `stops` to the next."""
        way = [stops[0]]
        for start, end in pairwise(stops):
            _, before = dijkstra(self._edges, indices=start, return_predecessors=True, limit=12.0)
            back = [end]
            while back[-1] != start:
                back.append(int(before[back[-1]]))
            way += back[-2::-1]
        return np.array(way, np.int32)

    @cached_property
    def _edges(self) -> Any:
        loops, sizes, _ = self._faces["face"]
        corners = loops.reshape(-1, int(sizes[0]))  # the face is all quads
        a, b = corners.ravel(), np.roll(corners, -1, axis=1).ravel()
        lengths = np.linalg.norm(self.neutral[a] - self.neutral[b], axis=1)
        edges = coo_matrix((lengths, (a, b)), shape=(len(self.neutral),) * 2).tocsr()
        return edges.maximum(edges.T)


def normals(vertices: Array, faces: Ints) -> Array:
    """(V, 3) unit normals of the vertices of (T, 3) triangles; zero where no triangle is."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    summed = np.stack(
        [np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], axis=1
    )
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9), np.float32)


def triangles(loops: Ints, sizes: Ints) -> Ints:
    """(T, 3) triangles, a fan from the first corner of each polygon."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    fans = []
    for corner in range(1, int(sizes.max()) - 1):
        has = starts[sizes > corner + 1]
        fans.append(np.stack([loops[has], loops[has + corner], loops[has + corner + 1]], axis=1))
    return np.concatenate(fans).astype(np.int32)


def _polygons(data: Mapping[str, npt.NDArray[Any]], material: int) -> tuple[Ints, Ints, Array]:
    sizes = data["sz"].astype(np.int32)
    mine = data["M"] == material
    of_loop = np.repeat(mine, sizes)
    return data["F"][of_loop].astype(np.int32), sizes[mine], data["VT"][data["FT"][of_loop]].astype(np.float32)


def _blob(points: Array, centre: tuple[float, float, float], radius: float) -> Array:
    """(V,) Gaussian bumps around a place and its mirror image."""
    sides = [((points - np.array([side * centre[0], *centre[1:]])) ** 2).sum(1) for side in (-1, 1)]
    return np.asarray(sum(np.exp(-square / (2 * radius**2)) for square in sides), np.float32)


def _as_child(vertices: Array, share: float) -> Array:
    """A child's proportions: large eyes, a short and narrow lower face, a small nose, a thin neck."""
    out: Array = np.array(vertices)
    depth = np.clip((_EYE_LEVEL - out[:, 1]) / 11, 0, 1)  # 0 at the eyes, 1 at the chin
    out[:, 1] = np.where(out[:, 1] < _EYE_LEVEL, _EYE_LEVEL + (out[:, 1] - _EYE_LEVEL) * (1 - 0.2 * share), out[:, 1])
    out[:, 0] *= 1 - 0.1 * share * depth
    out[:, 2] = np.where(out[:, 2] > 9.5, 9.5 + (out[:, 2] - 9.5) * (1 - 0.3 * share), out[:, 2])
    neck = np.clip((-8 - vertices[:, 1]) / 3, 0, 1) * share
    out[:, 0] *= 1 - 0.22 * neck
    out[:, 2] = 1 + (out[:, 2] - 1) * (1 - 0.2 * neck)
    for eye in EYES:
        distance = np.linalg.norm(vertices - eye, axis=1)
        weight = np.clip((4.2 - distance) / 2.2, 0, 1)
        out += (0.14 * share * weight**2 * (3 - 2 * weight))[:, None] * (vertices - eye)
    return out
