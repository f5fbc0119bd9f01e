"""Builds what a picture shows out of a person and a shot, with the places of the landmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from sdfl.train.synthetic import hair, props, skin
from sdfl.train.synthetic.assets import HATS, Array, Ints, load_makehuman
from sdfl.train.synthetic.head import EYES, HeadModel, rotation, turned
from sdfl.train.synthetic.labels import Labeller
from sdfl.train.synthetic.person import Person
from sdfl.train.synthetic.scene import Material, Strands, Surface


@dataclass(frozen=True, eq=False)
class Built:
    """A head and what it wears.

    Attributes:
        surfaces: meshes.
        strands: hairs.
        vertices: (V, 3) cm of the turned head.
    """

    surfaces: list[Surface]
    strands: list[Strands]
    vertices: Array


class Studio:
    """The assets, loaded once.

    Args:
        folder: holds them, see `sdfl.train.synthetic.assets`.

    Raises:
        DataError: an asset is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.model = HeadModel(folder)
        self.labeller = Labeller(self.model)
        self._folder = folder
        self._lash_roots = _lash_roots(self.model, self.labeller)
        self._skin = np.unique(self.model.skin)
        self._scalp = hair.scalp(self.model.neutral)
        self._marks = self.model.face_uv[self.model.landmarks]
        self._meshes = {name: load_makehuman(folder, name) for name in HATS}

    def build(self, person: Person, expression: Mapping[str, float], pose: Sequence[float], accessory: str) -> Built:
        """Build a person.

        Args:
            person: who it is.
            expression: weights of expression shapes.
            pose: yaw, pitch and roll in degrees.
            accessory: a key of `ACCESSORIES`.
        """
        model = self.model
        rest = model.shaped(person.identity, {}, child=person.child, age=person.age)
        straight = model.shaped(person.identity, expression, child=person.child, age=person.age)
        vertices = turned(straight, pose)
        covered = accessory in ("beanie", "cap", "scarf", "hat")
        surfaces = self._head(person, vertices)
        worn = props.worn(
            accessory,
            straight,
            self._skin.tolist(),
            model.face_uv,
            straight[model.landmarks],
            person.skin,
            person.rng(5),
        )
        worn += props.torso(rest[self._skin], person.rng(6))
        strands: list[Strands] = []
        if person.style in hair.STYLES and not (covered and accessory == "scarf"):
            strands.append(self._strands(person, vertices, pose, covered=covered))
        elif person.style != "bald" and not covered:
            worn += self._mesh(person.style, person, rest)
        if accessory == "hat":
            worn += self._mesh(HATS[person.seed % len(HATS)], person, rest)
        if person.beard > 0.5:
            strands.append(self._beard(person, vertices, pose))
        surfaces += [replace(each, vertices=turned(each.vertices, pose)) for each in worn]
        return Built(surfaces, strands, vertices)

    def _head(self, person: Person, vertices: Array) -> list[Surface]:
        model, rng = self.model, person.rng(3)
        shaven = person.style == "bald"
        hairy = self._scalp * (0.0 if shaven else 0.45 if person.style == "buzz" else 0.9)
        out = []
        for name, paint in (("face", None), ("back", skin.back_map)):
            used, loops, sizes, uv = model.part(name)
            uv = uv - (1.0, 0.0) if name == "back" else uv
            over = skin.spread(hairy[used], loops, sizes, uv)
            colour, relief = paint(over, person) if paint else skin.face_maps(self._marks, over, person)
            material = Material(colour, float(person.rng(4).uniform(0.4, 0.6)), relief, subsurface=0.1)
            out.append(Surface(vertices[used], loops, sizes, material, uv.astype(np.float32)))
        eyes = Material(skin.eye_map(rng, person.tone), 0.25, coat=1.0)
        for name, centre in zip(("sclera_right", "sclera_left"), EYES[::-1], strict=True):
            used, loops, sizes, _ = model.part(name)
            away = model.neutral[used] - centre
            flat = np.hypot(away[:, 0], away[:, 1])
            radius = np.clip(np.degrees(np.arctan2(flat, away[:, 2])) / 60, 0, 1) * 0.5
            uv = 0.5 + radius[:, None] * away[:, :2] / np.maximum(flat, 1e-6)[:, None]
            out.append(Surface(vertices[used], loops, sizes, eyes, uv[loops].astype(np.float32)))
        teeth = float(rng.uniform(0.45, 0.75))
        for name, plain in (("gums", (0.33, 0.07, 0.07)), ("teeth", (teeth, 0.92 * teeth, 0.72 * teeth))):
            used, loops, sizes, _ = model.part(name)
            out.append(Surface(vertices[used], loops, sizes, Material(plain, 0.25)))
        out.append(self._lashes(vertices, person))
        return out

    def _lashes(self, vertices: Array, person: Person) -> Surface:
        """Shorter than the mesh has them, above all those of the lower lids, and thinner towards their tips."""
        rng = person.rng(10)
        used, loops, sizes, _ = self.model.part("lashes")
        roots, place = self._lash_roots
        length = rng.uniform(0.4, 0.6) * np.where(place[:, 0] % 2 < 1, 1.0, 0.5)[:, None]
        hairs = np.clip(rng.normal(0.5, 0.5, (1, 256)) * (0.7 if person.male else 1.3), 0, 1)
        picture = np.zeros((32, 256, 4), np.float32)
        picture[..., 3] = hairs * np.linspace(0, 1, 32)[:, None]
        shape = vertices[roots] + (vertices[used] - vertices[roots]) * length
        uv = place[loops].astype(np.float32)
        return Surface(shape.astype(np.float32), loops, sizes, Material(picture), uv, covers=False)

    def _strands(self, person: Person, vertices: Array, pose: Sequence[float], *, covered: bool) -> Strands:
        rng, style = person.rng(7), hair.STYLES[person.style]
        style = replace(
            style, length=style.length * rng.uniform(0.75, 1.35), lift=min(1, style.lift * rng.uniform(0.7, 1.3))
        )
        if person.style in ("side", "medium", "long"):
            style = replace(style, comb=(style.comb[0] * rng.choice([-1, 1]), *style.comb[1:]))
        density = self._scalp * (self.model.neutral[:, 1] < 6.5) if covered else self._scalp
        points = hair.grow(vertices, self.model.skin, density, style, rotation(*pose), rng)
        return Strands(points, float(rng.uniform(0.025, 0.04)), person.hair)

    def _beard(self, person: Person, vertices: Array, pose: Sequence[float]) -> Strands:
        rng, uv = person.rng(8), self.model.face_uv
        where = np.clip(np.nan_to_num(uv) * skin.SIDE, 0, skin.SIDE - 1).astype(int)
        density = skin.beard_map(self._marks)[skin.SIDE - 1 - where[:, 1], where[:, 0]] * ~np.isnan(uv[:, 0])
        style = replace(hair.STYLES["beard"], length=float(np.exp(rng.uniform(-1.2, 0.6))) * person.beard)
        points = hair.grow(vertices, self.model.skin, density, style, rotation(*pose), rng)
        return Strands(points, 0.02, person.hair)

    def _mesh(self, name: str, person: Person, rest: Array) -> list[Surface]:
        """A hair or hat of MakeHuman on the head that looks straight ahead."""
        rng = person.rng(9)
        mesh = self._meshes.setdefault(name, load_makehuman(self._folder, name))
        points, free, uv = hair.carried(mesh, self.model.neutral[self._skin], rest[self._skin])
        if name in HATS:
            colour, relief = skin.cloth_map(rng)
            material, free, uv = Material(colour, 0.95, bump=relief), np.ones_like(free), mesh.uv
        else:
            material = Material(skin.strand_map(rng, person.hair), 0.5)
        of_loop = np.repeat(free, mesh.sizes)
        return [Surface(points, mesh.loops[of_loop], mesh.sizes[free], material, uv[of_loop])]


def _lash_roots(model: HeadModel, labeller: Labeller) -> tuple[Ints, Array]:
    """(U,) the lids' vertex that each vertex of the lashes grows from, and (U, 2) texture coordinates of the latter.

    One unit of u is a lid, even for the upper ones; v is 1 at the roots and 0 at the tips.
    """
    lids = labeller.lids
    place = np.concatenate([number + np.linspace(0, 0.99, len(lid)) for number, lid in enumerate(lids)])
    vertices = np.concatenate(lids)
    distance, near = cKDTree(model.neutral[vertices]).query(model.neutral[model.part("lashes")[0]])
    return vertices[near], np.stack([place[near], 1 - np.clip(distance / distance.max(), 0, 1)], axis=1)
