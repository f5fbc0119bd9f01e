"""What people wear and what covers faces, built around the head that looks straight ahead; then it turns along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from sdfl.train.synthetic.assets import Array, vector
from sdfl.train.synthetic.head import SKULL
from sdfl.train.synthetic.person import Rng
from sdfl.train.synthetic.scene import Colour, Material, Surface, grid, tube
from sdfl.train.synthetic.skin import cloth_map

_HELD_AT = {"phone": (2, 14), "microphone": (57, 8)}  # landmarks; other things are held before any
_EARS = np.array([[-7.6, 4.6, 2.0], [7.6, 4.6, 2.0]])


def _some_colour(rng: Rng) -> Colour:
    return tuple(float(each) for each in rng.choice([0.006, 0.03, 0.15, 0.5]) * rng.uniform(0.3, 1.3, 3))  # type: ignore[return-value]


def glasses(marks: Array, rng: Rng, *, dark: bool) -> list[Surface]:
    """Frame, lenses and temples; marks: (68, 3) cm. Only dark lenses cover what is behind them."""
    metal = float(rng.random() < 0.4)
    frame = Material(_some_colour(rng), 0.3, metallic=metal)
    lens = Material((0.006, 0.006, 0.008), 0.05, opacity=0.94) if dark else Material((1, 1, 1), 0.05, opacity=0.05)
    wide, high, corner = rng.uniform(2.3, 2.9), rng.uniform(1.6, 2.5), rng.choice([2.0, 2.6, 4.0])
    level = marks[36:48, 1].mean() - 0.35
    depth = max(marks[27, 2], marks[17:27, 2].max() - 1.0) + rng.uniform(0.15, 0.4)
    apart, thick = max(3.2, wide + 0.5), rng.choice([0.07, 0.12, 0.2])
    angle = np.linspace(0, 2 * np.pi, 41)
    x, y = (np.sign(f) * np.abs(f) ** (2 / corner) for f in (np.cos(angle), np.sin(angle)))
    out = []
    for side in (-1, 1):
        across = side * apart + wide * x
        rim = np.stack([across, level + high * y, depth - 0.035 * across**2 / 2], axis=1)
        out += [tube(rim, thick, frame), grid(np.stack([rim, rim * 0.02 + rim.mean(0) * 0.98]), lens, covers=dark)]
        hinge, ear = rim[np.argmax(side * rim[:, 0])] + (0, 0.4, 0), _EARS[(side + 1) // 2]
        out.append(
            tube(
                np.array(
                    [
                        hinge,
                        ear + vector(side * 0.3, 0.9, 1.5),
                        ear + vector(side * 0.5, 0.9, -2),
                        ear + vector(side * 0.3, -1, -3.6),
                    ]
                ),
                thick,
                frame,
            )
        )
    inner = apart - wide
    out.append(
        tube(
            np.array([[-inner, level + 0.3, depth], [0, level + 0.5, depth + 0.2], [inner, level + 0.3, depth]]),
            thick,
            frame,
        )
    )
    return out


def mask(vertices: Array, uv: Array, rng: Rng) -> list[Surface]:
    """A face mask, pleated or plain, sometimes below the nose; uv: (V, 2) of the face, NaN elsewhere."""
    known = np.flatnonzero(~np.isnan(uv[:, 0]) & ~(np.hypot((uv[:, 0] - 0.5) / 0.115, (uv[:, 1] - 0.432) / 0.06) < 1))
    top = rng.uniform(0.62, 0.66) if rng.random() < 0.8 else rng.uniform(0.53, 0.56)
    across, down = np.meshgrid(np.linspace(-1, 1, 45), np.linspace(0, 1, 36))
    u = 0.5 + 0.335 * across
    upper, lower = top - 0.11 * np.abs(across) ** 1.5, 0.205 + 0.16 * np.abs(across) ** 2
    place = np.stack([u, upper + (lower - upper) * down], axis=-1)
    weight, near = cKDTree(uv[known]).query(place.reshape(-1, 2), k=4)
    share = 1 / (weight + 1e-4)
    skin = (
        (vertices[known[near]] * (share / share.sum(1, keepdims=True))[..., None]).sum(1).reshape(*place.shape[:2], 3)
    )
    out = skin - (0, 0, 3.0)
    out = skin + 0.35 * out / np.linalg.norm(out, axis=-1, keepdims=True)
    smooth = np.stack([gaussian_filter(out[..., axis], 3, mode="nearest") for axis in range(3)], axis=-1)
    edge = np.clip(np.minimum.reduce([down, 1 - down, 1 - np.abs(across)]) * 6, 0, 1)[..., None]
    smooth = out * (1 - edge) + smooth * edge
    smooth[..., 2] = np.maximum(smooth[..., 2], out[..., 2] - 0.05) + 0.35 * edge[..., 0]
    pleats = 0.05 * np.sin(np.mgrid[0:256, 0:256][0] / 256 * 2 * np.pi * 5) * (rng.random() < 0.6)
    colour = ((0.3, 0.5, 0.65), (0.75, 0.75, 0.75), (0.012, 0.012, 0.014), (0.5, 0.25, 0.3))[rng.integers(4)]
    cloth = Material(colour, 0.85, bump=pleats.astype(np.float32))
    if rng.random() < 0.25:
        pattern, weave = cloth_map(rng)
        cloth = Material(pattern, 0.9, bump=weave)
    loops = []
    for side, ear in ((0, _EARS[0]), (-1, _EARS[1])):
        for row in (1, -2):
            start = smooth[row, side]
            loops.append(
                tube(
                    np.array([start, (start + ear) / 2 + (0.4 * np.sign(ear[0]), 0, 0), ear - (0, 0.5, 1.5)]),
                    0.07,
                    cloth,
                    sides=6,
                )
            )
    return [grid(smooth, cloth), *loops]


def headwear(kind: str, vertices: Array, rng: Rng) -> list[Surface]:
    """A beanie, a cap with a visor or a scarf around head and neck; vertices: (V, 3) cm of the skin."""
    colour, weave = cloth_map(rng)
    if kind == "beanie":
        ribs = 0.06 * np.sin(np.linspace(0, 2 * np.pi * 70, 512))[None, :].repeat(512, 0)
        weave = weave + ribs.astype(np.float32)
    cloth = Material(colour, 0.95, bump=weave)
    around = np.linspace(-np.pi, np.pi, 72, endpoint=False)  # 0 is the front
    front = np.cos(around)
    if kind == "scarf":
        low = np.full_like(around, -12.0)
    else:
        brow, nape = rng.uniform(7.6, 9.2), rng.uniform(2.5, 4.5)
        low = nape + (brow - nape) * (0.5 + 0.5 * front) ** 0.8 + 0.6 * np.sin(around) * rng.normal(0, 0.6)
    rows = np.linspace(0, 1, 26)[:, None]
    rise = np.pi / 2 - rows * (np.pi / 2 - np.arctan2(low - SKULL[1], 8.0))
    if kind == "scarf":  # the columns begin and end at the opening for the face
        level = np.tan(rise[:, :1]) * 8.0 + SKULL[1]
        half = np.radians(49) * np.sqrt(np.clip(1 - ((level - 1.0) / rng.uniform(9.2, 10.2)) ** 2, 0, 1))
        around = half + (2 * np.pi - 2 * half) * np.linspace(0, 1, 72)
    ways = np.stack(
        [np.cos(rise) * np.sin(around), np.sin(rise) * np.ones_like(around), np.cos(rise) * np.cos(around)], -1
    )
    offset = vertices - SKULL
    distance = np.linalg.norm(offset, axis=1)
    near = cKDTree(offset / distance[:, None]).query(ways.reshape(-1, 3), k=12)[1]
    radius = distance[near].max(axis=1).reshape(ways.shape[:2])
    thick = rng.uniform(0.5, 0.9) if kind == "beanie" else 0.45
    radius = gaussian_filter(radius, (1.2, 1.5), mode="nearest" if kind == "scarf" else ("nearest", "wrap")) + thick
    if kind == "beanie":
        radius += 0.3 * (rows > rng.uniform(0.7, 0.85)) + rng.uniform(0, 2.5) * np.clip(0.4 - rows, 0, 1) ** 2 * 4
    if kind == "scarf":
        radius += 0.4 + 2.5 * np.clip(rows - 0.6, 0, 1)
    shell = SKULL + ways * radius[..., None]
    out = [grid(shell, cloth, closed=kind != "scarf")]
    if kind == "cap":
        share = np.linspace(0, 1, 10)[:, None, None]
        arc = shell[-1, np.abs(around) < 1.15]
        reach = np.array([0, -rng.uniform(0.5, 2.0), rng.uniform(5, 7)]) * (
            np.cos(np.linspace(-1.5, 1.5, len(arc)))[:, None] ** 0.7
        )
        out.append(grid(arc + (0, 0.1, 0) + share * reach + (0, 0.8, 0) * np.sin(share * 2.5), cloth))
    return out


def torso(vertices: Array, rng: Rng) -> list[Surface]:
    """Clothes over neck and shoulders; vertices: (V, 3) cm of the skin."""
    colour, relief = cloth_map(rng)
    around = np.linspace(-np.pi, np.pi, 64, endpoint=False)
    wide, dip, collar = rng.uniform(0.85, 1.12), rng.choice([0.5, 1.5, 4.0]), rng.uniform(-12.5, -10.8)
    rows = np.array([0.3, 0.0, 0.0, 1.0, 3.0, 6.0, 10.0, 16.0, 26.0])
    if rng.random() < 0.35:  # a collar that stands
        rows[:3] = (-1.6, -1.8, 0.0)
    centre = np.array([0.0, 0.0, -0.6])
    neck = vertices[(vertices[:, 1] < -9) & (vertices[:, 1] > -19)] - centre
    turn = np.arctan2(neck[:, 0], neck[:, 2])
    rings = []
    for number, row in enumerate(rows):
        level = collar - row - dip * np.clip(np.cos(around), 0, 1) ** 3 * np.exp(-max(row, 0) / 6)
        slope = max(row, 0.0)
        x = wide * (7.0 + 13.5 * (1 - np.exp(-slope / 3.2)))
        z = 6.8 + 4.5 * (1 - np.exp(-slope / 6))
        body = 1 / np.sqrt((np.sin(around) / x) ** 2 + (np.cos(around) / z) ** 2)
        close = np.abs((turn[None] - around[:, None] + np.pi) % (2 * np.pi) - np.pi) < 0.2
        close &= np.abs(neck[None, :, 1] - level[:, None]) < 1.2
        least = np.where(close, np.hypot(neck[:, 0], neck[:, 2])[None], 0).max(axis=1)
        radius = np.maximum(body if number > 2 else 0, least + (0.25, 0.5, 0.4)[min(number, 2)])
        radius = np.maximum(gaussian_filter(radius, 1.0, mode="wrap"), 5.0)
        rings.append(np.stack([radius * np.sin(around), level, radius * np.cos(around)], -1) + centre)
    return [grid(np.stack(rings), Material(np.tile(colour, (1, 2, 1)), 0.9, bump=np.tile(relief, (1, 2))), closed=True)]


def hand(place: Array, skin: Colour, rng: Rng) -> list[Surface]:
    """A hand of capsules that lies before the face at a place of (3,) cm."""
    material = Material(tuple(min(1.0, each * 1.05) for each in skin), 0.5, subsurface=0.1)  # type: ignore[arg-type]
    bend, open_ = rng.uniform(0, 0.5), rng.uniform(0.05, 0.25)
    out = [tube(np.array([[x, -4.5, 0], [x * 1.1, 0.0, 0.0]]), 1.15, material) for x in (-2.6, -0.9, 0.9, 2.5)]
    out.append(tube(np.array([[0, -12.0, 0.6], [0, -5, 0.2]]), np.array([2.4, 2.3]), material))
    lengths = rng.normal(1, 0.05) * np.array([5.6, 6.9, 7.4, 6.6])
    for finger, (x, length) in enumerate(zip((-2.9, -1.0, 1.0, 2.9), lengths, strict=True)):
        aside = (finger - 1.5) * open_
        line = [np.array([x, 0.0, 0.0])]
        for joint, share in enumerate((0.45, 0.32, 0.23)):
            angle = bend * (joint + 0.5)
            line.append(
                line[-1] + length * share * np.array([np.sin(aside), np.cos(aside) * np.cos(angle), -np.sin(angle)])
            )
        out.append(tube(np.array(line), np.array([0.95, 0.88, 0.8, 0.68]), material))
    thumb = np.array([[3.2, -4.5, 0.2], [5.0, -2.6, 0.3], [5.9, 0.2, -0.1]])
    out.append(tube(thumb, np.array([1.2, 1.0, 0.8]), material))
    size, mirror = rng.uniform(0.85, 1.05), rng.choice([-1.0, 1.0])
    roll, lean = rng.uniform(-1.3, 1.3), rng.uniform(-0.4, 0.4)
    around = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    shift = place + vector(0, -3 * np.cos(roll), 1.3)
    return [_moved(each, (each.vertices * (mirror, 1, 1) * size) @ (around @ tilt).T + shift) for each in out]


def thing(kind: str, place: Array, rng: Rng) -> list[Surface]:
    """A telephone, a microphone, or a box or rod of any size before the face, at a place of (3,) cm."""
    material = Material(_some_colour(rng), float(rng.uniform(0.2, 0.9)))
    if rng.random() < 0.3 and kind == "object":
        pattern, relief = cloth_map(rng)
        material = Material(pattern, 0.6, bump=relief)
    way = rng.normal(0, 1, 3) * (1, 1, 0.35)
    way /= np.linalg.norm(way)
    if kind == "microphone":
        down = np.array([0.2 * rng.normal(), -1, 0.5])
        head = place + vector(0, -1.0, 3.5)
        return [
            tube(np.array([head, head + 0.4 * down]), 2.2, Material((0.03, 0.03, 0.03), 0.5, metallic=0.7)),
            tube(np.array([head + down, head + 18 * down]), 1.2, material),
        ]
    if kind == "object" and rng.random() < 0.5:
        half = way * rng.uniform(3, 9)
        centre = place + vector(0, 0, 3.0)
        return [tube(np.array([centre - half, centre + half]), rng.uniform(0.7, 3.0), material, sides=20)]
    high, wide, deep = (7.5, 3.7, 0.5) if kind == "phone" else rng.uniform((3, 2, 0.1), (9, 6, 1.0))
    y, x = way, np.cross(way, [0, 0.1, 1.0])
    x /= np.linalg.norm(x)
    z = np.cross(x, y)
    outline = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]])
    layers = [np.zeros((5, 2)), outline, outline, np.zeros((5, 2))]
    levels = np.array([-deep, -deep, deep, deep])
    flat = np.stack(
        [
            each[:, :1] * wide * x + each[:, 1:] * high * y + level * z
            for each, level in zip(layers, levels, strict=True)
        ]
    )
    return [grid(flat + place + vector(0, 0, 2.5 + deep), material)]


def worn(
    kind: str, vertices: Array, skin: Sequence[int], uv: Array, marks: Array, colour: Colour, rng: Rng
) -> list[Surface]:
    """The surfaces of an accessory on a head that looks straight ahead; none for "none" and "hat".

    Args:
        kind: a key of `ACCESSORIES`.
        vertices: (V, 3) cm.
        skin: those of face and back of the head.
        uv: (V, 2) texture coordinates of the face, NaN elsewhere.
        marks: (68, 3) cm, landmarks of the mesh.
        colour: of the skin.
        rng: of the accessory.
    """
    if kind in ("glasses", "sunglasses"):
        return glasses(marks, rng, dark=kind == "sunglasses")
    if kind == "mask":
        return mask(vertices, uv, rng)
    if kind in ("beanie", "cap", "scarf"):
        return headwear(kind, vertices[list(skin)], rng)
    if kind == "hand":
        return hand(
            marks[rng.choice([8, 30, 51, 57, 36, 45, 3, 13, 19, 24])] + rng.normal(0, 1, 3) * (1, 1, 0), colour, rng
        )
    if kind in ("phone", "object", "microphone"):
        near = _HELD_AT.get(kind, range(68))
        place = marks[near[int(rng.integers(len(near)))]]
        return thing(kind, place + rng.normal(0, 1, 3) * (1, 1, 0), rng)
    return []


def _moved(surface: Surface, vertices: Array) -> Surface:
    return Surface(
        vertices.astype(np.float32), surface.loops, surface.sizes, surface.material, surface.uv, surface.covers
    )
