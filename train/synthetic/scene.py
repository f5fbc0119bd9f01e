"""What a picture shows, as arrays: surfaces, hairs, light and camera. Rendering and visibility both read these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from sdfl.train.synthetic.assets import Array, Ints
from sdfl.train.synthetic.head import triangles
from sdfl.train.synthetic.labels import Camera

Colour = tuple[float, float, float]  # linear, 0..1


@dataclass(frozen=True, eq=False)
class Material:
    """What a surface looks like.

    Attributes:
        colour: linear, or a picture of it, (H, W, 3), or (H, W, 4) with opacity; row 0 is the top, v = 1.
        roughness: 0 is a mirror.
        bump: (H, W) heights in cm.
        subsurface: share of light that enters the surface, as in skin.
        coat: of clear wet lacquer, as on eyes.
        opacity: 0 is a clear pane.
    """

    colour: Colour | Array
    roughness: float = 0.6
    bump: Array | None = None
    subsurface: float = 0.0
    coat: float = 0.0
    metallic: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh.

    Attributes:
        vertices: (V, 3) cm.
        loops: (L,) vertices of all polygons, one after the other.
        sizes: (F,) corners of each polygon.
        material: what it looks like.
        uv: (L, 2) texture coordinates, None without a texture.
        covers: whether points behind it count as covered.
    """

    vertices: Array
    loops: Ints
    sizes: Ints
    material: Material
    uv: Array | None = None
    covers: bool = True

    def corners(self) -> Array:
        """(T, 3, 3) cm, its triangles."""
        return self.vertices[triangles(self.loops, self.sizes)]


@dataclass(frozen=True, eq=False)
class Strands:
    """Hairs of one colour.

    Attributes:
        points: (N, K, 3) cm from root to tip.
        radius: cm at the root; the tip is thin.
        colour: linear.
    """

    points: Array
    radius: float
    colour: Colour


@dataclass(frozen=True)
class Light:
    """The surroundings and a lamp.

    Attributes:
        world: number of the surroundings among those that the renderer has.
        turn: radians that they are turned by.
        strength: of the surroundings.
        lamp: place of the lamp in cm, None without one.
        lamp_power: of the lamp in watts.
        lamp_size: side of the lamp in cm; a small one casts hard shadows.
        lamp_colour: linear.
    """

    world: int
    turn: float
    strength: float
    lamp: tuple[float, float, float] | None = None
    lamp_power: float = 0.0
    lamp_size: float = 30.0
    lamp_colour: Colour = (1.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that is rendered."""

    camera: Camera
    light: Light
    surfaces: Sequence[Surface]
    strands: Sequence[Strands] = field(default_factory=tuple)

    def covers(self) -> Array:
        """(T, 3, 3) cm, triangles that may hide a point."""
        return np.concatenate([surface.corners() for surface in self.surfaces if surface.covers])

    def hairs(self) -> Array:
        """(S, 3) cm, places on all hairs."""
        places = [each.points[:, 1:].reshape(-1, 3) for each in self.strands]
        return np.concatenate(places) if places else np.zeros((0, 3), np.float32)


def grid(points: Array, material: Material, *, closed: bool = False, covers: bool = True) -> Surface:
    """A surface from rows of points.

    Args:
        points: (R, C, 3) cm.
        material: what it looks like; its texture spans the grid.
        closed: whether the last column joins the first.
        covers: see `Surface`.
    """
    rows, columns = points.shape[:2]
    number = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    u, v = np.meshgrid(np.linspace(0, 1, columns + closed)[: columns + closed], np.linspace(1, 0, rows))
    if closed:
        number = np.concatenate([number, number[:, :1]], axis=1)
    quads = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1).reshape(-1, 4)
    place = np.stack([u, v], axis=-1)
    uv = np.stack([place[:-1, :-1], place[1:, :-1], place[1:, 1:], place[:-1, 1:]], axis=2).reshape(-1, 4, 2)
    sizes = np.full(len(quads), 4, np.int32)
    return Surface(
        points.reshape(-1, 3).astype(np.float32),
        quads.ravel(),
        sizes,
        material,
        uv.reshape(-1, 2).astype(np.float32),
        covers,
    )


def tube(line: Array, radius: float | Array, material: Material, *, sides: int = 10) -> Surface:
    """A rod along (K, 3) cm with round ends; `radius` is one number or (K,)."""
    line = np.asarray(line, np.float64)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (len(line),))
    way = np.gradient(line, axis=0)
    way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    cap = np.array([0.0, 0.5, 0.87])  # rings that round the ends, in radii
    before = line[:1] - way[:1] * radii[0] * cap[::-1, None]
    after = line[-1:] + way[-1:] * radii[-1] * cap[:, None]
    line = np.concatenate([before[:-1], line, after[1:]])
    way = np.concatenate([way[:1].repeat(2, 0), way, way[-1:].repeat(2, 0)])
    radii = np.concatenate([radii[0] * np.sqrt(1 - cap[:0:-1] ** 2), radii, radii[-1] * np.sqrt(1 - cap[1:] ** 2)])
    aside = np.cross(way, [0.31, 0.87, 0.39])
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    other = np.cross(way, aside)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, None]
    rings = line[:, None] + radii[:, None, None] * (np.cos(turn) * aside[:, None] + np.sin(turn) * other[:, None])
    return grid(rings, material, closed=True)
