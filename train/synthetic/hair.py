"""Hair: strands that grow from the scalp and the beard, and meshes of MakeHuman carried to the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from sdfl.train.synthetic.assets import Array, Ints, Mesh
from sdfl.train.synthetic.head import SKULL, normals
from sdfl.train.synthetic.person import Rng

CROWN = np.array([0.0, 13.5, -2.5])  # where the hair parts on the neutral head
# Height of the hairline in cm over the angle from the front, in degrees: forehead, temple, sideburn, ear, nape.
_HAIRLINE = np.array(
    [
        [0, 10.4],
        [28, 10.3],
        [42, 9.4],
        [52, 7.8],
        [60, 5.6],
        [70, 4.0],
        [78, 4.4],
        [90, 7.2],
        [112, 6.6],
        [126, 1],
        [180, -4],
    ]
)


@dataclass(frozen=True)
class Style:
    """How strands grow.

    Attributes:
        length: cm of most of them.
        lift: 0 lies along the head, 1 stands off it.
        comb: towards the right, up and front of the head; the way from the crown is added.
        weight: how much it hangs.
        curl: cm that strands stray in a cm.
        count: strands.
        clump: 0..1, how much strands gather.
    """

    length: float
    lift: float
    comb: tuple[float, float, float]
    weight: float = 0.0
    curl: float = 0.08
    count: int = 5000
    clump: float = 0.35


STYLES = {
    "buzz": Style(0.5, 0.8, (0, 0, 0), count=5000, clump=0.0),
    "short": Style(2.4, 0.35, (0.3, 0.1, 0.3)),
    "side": Style(5.0, 0.22, (1.3, 0.2, 0.1), 0.08),
    "back": Style(5.5, 0.3, (0, 0.2, -1.8), 0.08),
    "fringe": Style(4.2, 0.2, (0.15, 0, 0.3), 0.15),
    "curly": Style(5.5, 0.7, (0, 0, 0), 0.05, 0.7, 5500, 0.6),
    "afro": Style(6.0, 0.95, (0, 0, 0), 0.0, 0.9, 6000, 0.5),
    "medium": Style(15.0, 0.35, (0, 0, 0), 0.5, 0.1),
    "long": Style(27.0, 0.3, (0, 0, 0), 0.6, 0.12),
    "beard": Style(1.0, 0.5, (0, -1.0, 0), 0.15, 0.5, 3500, 0.1),
}
_GUIDES, _PLACES = 260, 9
_SHORT = 3.0  # cm that need no help to stay out of the face


def scalp(neutral: Array) -> Array:
    """(V,) 0..1, where hair grows on the neutral head; the ears stay free."""
    angle = np.degrees(np.arctan2(np.abs(neutral[:, 0]), neutral[:, 2] - SKULL[2]))
    height = neutral[:, 1] - np.interp(angle, _HAIRLINE[:, 0], _HAIRLINE[:, 1])
    ear = (np.abs(neutral[:, 0]) > 7.75) & (neutral[:, 1] < 6.5) & (neutral[:, 1] > -3)
    return np.asarray(np.clip(0.5 + height / 1.2, 0, 1) * ~ear, np.float32)


def grow(vertices: Array, skin: Ints, density: Array, style: Style, turn: Array, rng: Rng) -> Array:
    """Let strands grow.

    Args:
        vertices: (V, 3) cm of the turned head.
        skin: (T, 3) its triangles.
        density: (V,) 0..1, where strands begin.
        style: how they grow.
        turn: (3, 3) rotation of the head.
        rng: of the strands.

    Returns:
        (N, K, 3) cm, from root to tip.
    """
    across = normals(vertices, skin)
    roots, up = _roots(vertices, across, skin, density, style.count, rng)
    if not len(roots):
        return np.zeros((0, _PLACES, 3), np.float32)
    guides = rng.choice(len(roots), min(_GUIDES, len(roots)), replace=False)
    tree = cKDTree(vertices[np.unique(skin)])
    outward = across[np.unique(skin)]
    ways = _guides(roots[guides], up[guides], style, turn, tree, outward, rng)
    near = cKDTree(roots[guides]).query(roots)[1]
    share = np.linspace(0, 1, _PLACES, dtype=np.float32)[None, :, None]
    gathered = ways[near] + (roots - roots[guides][near])[:, None] * (1 - style.clump * share)
    stray = rng.standard_normal((len(roots), 2, 3)) * (0.06 + 0.5 * style.curl)
    waves = np.sin(share * rng.uniform(2, 9, (len(roots), 1, 1)) + rng.uniform(0, 6.3, (len(roots), 1, 3)))
    strands = gathered + stray[:, :1] * share * style.length**0.5 * 0.5 + waves * share * style.curl * 0.7
    short = rng.uniform(0.7, 1.0, (len(roots), 1, 1))
    return np.asarray(roots[:, None] + (strands - roots[:, None]) * short, np.float32)


def _roots(vertices: Array, across: Array, skin: Ints, density: Array, count: int, rng: Rng) -> tuple[Array, Array]:
    """(N, 3) places spread evenly over where the density is high, and the normals there."""
    used = skin[density[skin].max(axis=1) > 0.02]
    if not len(used):
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)
    a, b, c = (vertices[used[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = used[rng.choice(len(used), count, p=area / area.sum())]
    shares = rng.dirichlet((1, 1, 1), count).astype(np.float32)[..., None]
    kept = (density[chosen] * shares[..., 0]).sum(axis=1) > rng.random(count)
    place = (vertices[chosen] * shares).sum(axis=1)[kept]
    return place, (across[chosen] * shares).sum(axis=1)[kept]


def _guides(roots: Array, up: Array, style: Style, turn: Array, tree: cKDTree, outward: Array, rng: Rng) -> Array:
    """(G, K, 3) cm, strands that lie on the head, hang down and stay out of the face."""
    length = style.length * rng.uniform(0.8, 1.15, (len(roots), 1))
    step = length / (_PLACES - 1)
    from_crown = roots - (turn @ CROWN)
    part = np.sign(roots @ turn[:, 0] - rng.normal(0, 1.5))[:, None] * turn[:, 0] * (1.2 if style.weight > 0.3 else 0)
    combed = (
        from_crown / np.maximum(np.linalg.norm(from_crown, axis=1, keepdims=True), 1)
        + part
        + turn @ np.array(style.comb)
    )
    flat = combed - (combed * up).sum(1, keepdims=True) * up
    way = style.lift * up + (1 - style.lift) * flat
    places, tuck = [roots], rng.uniform(2.0, 6.0)
    clearance = rng.uniform(0.15, 0.4 + 0.12 * min(style.length, 8), len(roots))
    for _ in range(_PLACES - 1):
        way = way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)
        place = places[-1] + step * way
        nearest = tree.query(place)[1]
        inside = clearance - ((place - tree.data[nearest]) * outward[nearest]).sum(1)
        place = place + np.clip(inside, 0, 3)[:, None] * outward[nearest]
        if style.length > _SHORT:
            place = _aside(place, turn, tuck)
        way = (
            place - places[-1] + step * (style.weight * np.array([0, -1.0, 0]) + rng.normal(0, style.curl, place.shape))
        )
        places.append(place.astype(np.float32))
    return np.stack(places, axis=1)


def _aside(place: Array, turn: Array, tuck: float) -> Array:
    """Move what would hang before the eyes or below them to the side of the face and back to `tuck` cm."""
    local = place @ turn
    before = (local[:, 2] > tuck) & (local[:, 1] < 7.2) & (local[:, 1] > -11)
    least = 6.4 + 0.1 * np.abs(local[:, 1])
    local[:, 0] = np.where(before & (np.abs(local[:, 0]) < least), np.sign(local[:, 0]) * least, local[:, 0])
    local[:, 2] = np.where(before, tuck + 0.6 * (local[:, 2] - tuck), local[:, 2])
    return np.asarray(local @ turn.T)


def carried(mesh: Mesh, neutral: Array, moved: Array) -> tuple[Array, npt.NDArray[np.bool_], Array]:
    """Put a mesh of MakeHuman on the neutral head and move it along with a shaped one.

    Args:
        mesh: in cm, at its own place.
        neutral: (V, 3) cm, skin of the neutral head.
        moved: (V, 3) cm, the same of the shaped one.

    Returns:
        (W, 3) cm outside the shaped head; (F,) bool, polygons that do not lie before the face; and (L, 2) texture
        coordinates that run down from the crown.
    """
    skull = neutral[neutral[:, 1] > 6]
    shift = np.array([0.0, skull[:, 1].max() + 0.9 - mesh.vertices[:, 1].max(), 0.0])
    high = mesh.vertices[mesh.vertices[:, 1] > mesh.vertices[:, 1].max() - 7]
    shift[2] = (
        skull[:, 2].max() + skull[:, 2].min() - np.quantile(high[:, 2], 0.99) - np.quantile(high[:, 2], 0.01)
    ) / 2
    place = mesh.vertices + shift.astype(np.float32)
    centre = np.asarray(SKULL, np.float32)
    along = (neutral - centre) / np.linalg.norm(neutral - centre, axis=1, keepdims=True)
    offset = place - centre
    distance = np.linalg.norm(offset, axis=1)
    near = cKDTree(along).query(offset / distance[:, None], k=3)[1]
    least = np.linalg.norm(neutral[near] - centre, axis=2).max(axis=1) + 0.25
    outer = centre + offset * np.where(place[:, 1] > -3, np.maximum(distance, least) / distance, 1)[:, None]
    follow = (moved - neutral)[near].mean(axis=1)
    starts = np.concatenate([[0], np.cumsum(mesh.sizes)[:-1]])
    middle = np.add.reduceat(place[mesh.loops], starts) / mesh.sizes[:, None]
    face = (np.abs(middle[:, 0]) < 6) & (middle[:, 1] < 6.8) & (middle[:, 2] > 6)
    turn = np.arctan2(place[:, 0], place[:, 2] - CROWN[2])[mesh.loops] / np.pi * 3
    turn -= 6 * np.round((turn - np.repeat(turn[starts], mesh.sizes)) / 6)  # no polygon spans the seam
    height = (place[:, 1] - place[:, 1].min()) / np.ptp(place[:, 1])
    return np.asarray(outer + follow, np.float32), ~face, np.stack([turn, height[mesh.loops]], 1).astype(np.float32)
