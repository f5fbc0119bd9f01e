"""Painted textures: skin with pores, spots, wrinkles, lips, brows and stubble; eyes; strands of hair; cloth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sdfl.train.synthetic.assets import Array, Ints, vector
from sdfl.train.synthetic.person import Person, Rng
from sdfl.train.synthetic.scene import Colour

SIDE = 512
_V, _U = np.mgrid[SIDE - 0.5 : -0.5 : -1, 0.5:SIDE].astype(np.float32) / SIDE
_FINE = 4  # brows are drawn at this many times the resolution


def noise(rng: Rng, cells: int, side: int = SIDE) -> Array:
    """(side, side) smooth noise with a deviation near 1, `cells` bumps wide."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def spread(values: Array, loops: Ints, sizes: Ints, uv: Array) -> Array:
    """(SIDE, SIDE), values of vertices over a texture of quads; `uv` of the loops in 0..1."""
    out = np.zeros((SIDE, SIDE), np.float32)
    corners = _pixels(uv.reshape(-1, int(sizes[0]), 2), SIDE)
    for quad, value in zip(corners, values[loops].reshape(-1, int(sizes[0])).mean(axis=1), strict=True):
        if value > 0:
            cv2.fillConvexPoly(out, quad, float(value), cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(out, (0, 0), 3), np.float32)


def face_maps(marks: Array, hairy: Array, person: Person) -> tuple[Array, Array]:
    """The face's colour and relief.

    Args:
        marks: (68, 2) texture coordinates of the landmarks.
        hairy: (SIDE, SIDE) 0..1, where the scalp shows the colour of the hair.
        person: whose face it is.

    Returns:
        (SIDE, SIDE, 3) linear colour and (SIDE, SIDE) heights in cm.
    """
    rng, light = person.rng(1), 1 - person.tone
    colour, relief = _plain(person, rng)
    middle, eyes = marks[[30, 33]].mean(0), (marks[36:42].mean(0), marks[42:48].mean(0))
    red = sum(_spot(marks[each] * 0.45 + middle * 0.55, 0.06) for each in (2, 14)) + 1.2 * _spot(middle, 0.035)
    red = red + 0.7 * _spot(marks[8] + (0, 0.03), 0.05)
    colour *= 1 + (red * rng.uniform(0.2, 1.3) * (0.3 + 0.7 * light))[..., None] * (0.05, -0.17, -0.15)
    bags = (
        np.sum([_spot(eye - (0, 0.012), 0.055, 0.032) for eye in eyes], axis=0)
        * rng.uniform(0.1, 0.8)
        * (0.5 + person.age)
    )
    colour *= 1 - bags[..., None] * (0.24, 0.32, 0.25)
    _spots(colour, relief, marks, person, rng)
    if person.age > 0.25:
        _wrinkle(colour, relief, marks, (person.age - 0.25) / 0.75, rng)
    lips = _area(marks[48:60], 2.0)
    painted = not person.male and not person.child and rng.random() < 0.4
    shade = np.array([[0.42, 0.03, 0.05], [0.38, 0.1, 0.12], [0.2, 0.02, 0.05]][rng.integers(3)]) * (0.5 + 0.5 * light)
    shade = shade if painted else np.array(person.skin) * (0.9, 0.56, 0.56)
    _mix(colour, lips * (0.9 if painted else rng.uniform(0.5, 0.85)), shade)
    relief += lips * 0.012 * np.sin(_U * SIDE * 0.8 + noise(rng, 20))
    for eye, lid in zip(eyes, (marks[36:42], marks[42:48]), strict=True):
        rim = _area(eye + (lid - eye) * 1.25, 2.0)
        colour *= 1 - rim[..., None] * (0.2, 0.38, 0.36)
        if painted:
            _mix(colour, _spot(eye + vector(0, 0.02), 0.05, 0.014) * 0.5, rng.uniform(0.02, 0.2, 3))
    if person.beard:
        stubble = beard_map(marks) * np.clip(0.25 + 0.3 * person.beard + 0.25 * noise(rng, 200), 0, 0.75)
        _mix(colour, stubble, np.array(person.hair) * 0.8 + 0.1 * np.array(person.skin))
    brows = _brows(marks, person, rng)
    _mix(colour, brows, np.array(person.brows))
    relief += brows * 0.03
    _mix(colour, hairy * np.clip(0.75 + 0.2 * noise(rng, 250), 0, 1), np.array(person.hair))
    return np.clip(colour, 0.004, 0.95).astype(np.float32), relief.astype(np.float32)


def back_map(hairy: Array, person: Person) -> tuple[Array, Array]:
    """Colour and relief of the back of the head and the neck, see `face_maps`."""
    rng = person.rng(2)
    colour, relief = _plain(person, rng)
    _mix(colour, hairy * np.clip(0.75 + 0.2 * noise(rng, 250), 0, 1), np.array(person.hair))
    return np.clip(colour, 0.004, 0.95).astype(np.float32), relief.astype(np.float32)


def beard_map(marks: Array) -> Array:
    """(SIDE, SIDE) 0..1, where a beard grows: cheeks, chin and upper lip, not the lips."""
    mouth, nose = marks[48:60].mean(0), marks[33]
    cheek = marks[14] * 0.88 + nose * 0.12 - vector(0, 0.03)
    inner = [cheek, mouth + vector(0.19, -0.01), mouth + vector(0.12, 0.05), (nose + mouth) / 2 + vector(0.05, 0.015)]
    mirrored = [np.array([1 - u, v]) for u, v in reversed(inner)]
    area = _area(np.array([*marks[3:14], *inner, *mirrored]), 15.0) ** 1.3
    return area * (1 - _area(mouth + (marks[48:60] - mouth) * 1.12, 2.0))


def eye_map(rng: Rng, tone: float) -> Array:
    """(256, 256, 3) linear colour of an eyeball from the front: 60 degrees from the pole are at the edge."""
    y, x = np.mgrid[-1:1:256j, -1:1:256j].astype(np.float32)
    radius, turn = np.hypot(x, y) * 60, np.arctan2(y, x)
    colours = [(0.09, 0.04, 0.015), (0.05, 0.025, 0.01), (0.15, 0.08, 0.03), (0.12, 0.14, 0.06), (0.11, 0.2, 0.3)]
    iris = np.array(colours[rng.integers(3 if tone > 0.45 else len(colours))], np.float32)
    fibres = (
        sum(np.sin(turn * k + rng.uniform(0, 6.3) + radius * rng.normal(0, 0.2)) for k in rng.integers(9, 60, 12)) / 6
    )
    edge, pupil = rng.uniform(22, 25), rng.uniform(6, 12)
    inside = iris * (1 + 0.3 * fibres[..., None]) * (1 + 0.5 * np.exp(-(((radius - pupil - 3) / 3) ** 2)))[..., None]
    inside = inside * (1 - 0.7 * np.exp(-(((radius - edge) / 1.8) ** 2)))[..., None]
    white = np.array([0.72, 0.68, 0.64]) * (1 - np.clip(radius / 60 - 0.45, 0, 1)[..., None] * (0.1, 0.45, 0.45))
    out = _blend(inside, white, np.clip((radius - edge) / 2 + 0.5, 0, 1))
    return np.clip(_blend(out, np.full(3, 0.003), np.clip((pupil - radius) / 1.5 + 0.5, 0, 1)), 0, 1).astype(np.float32)


def strand_map(rng: Rng, colour: Colour) -> Array:
    """(SIDE, SIDE, 4) linear colour and opacity of strands that run down the texture and end at different heights."""
    fine = np.repeat(rng.standard_normal((1, SIDE)), SIDE, 0) * 0.6 + cv2.resize(
        rng.standard_normal((4, SIDE // 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR
    )
    ends = 0.1 + 0.1 * rng.random((1, SIDE)) + 0.05 * noise(rng, 30)[:1]
    opacity = np.clip((_V - ends) * 14, 0, 1) * np.clip(1.3 + 0.5 * fine - 0.5 * np.abs(_V - 0.6), 0, 1)
    shade = np.array(colour) * np.clip(1 + 0.4 * fine, 0.3, 2)[..., None]
    return np.concatenate([shade, opacity[..., None]], axis=2).astype(np.float32)


def cloth_map(rng: Rng) -> tuple[Array, Array]:
    """(SIDE, SIDE, 3) linear colour and (SIDE, SIDE) heights in cm of a plain, striped, checked or printed cloth."""
    first, second = (
        np.clip(rng.beta(0.8, 1.6, 3) * rng.uniform(0.2, 1) + rng.uniform(0, 0.08), 0.005, 0.8) for _ in range(2)
    )
    period, turn = rng.integers(6, 60), rng.choice([0.0, np.pi / 2, 0.6])
    across = np.sin((np.cos(turn) * _U + np.sin(turn) * _V) * 2 * np.pi * period) > rng.uniform(-0.8, 0.8)
    along = np.sin((np.cos(turn) * _V - np.sin(turn) * _U) * 2 * np.pi * period) > 0
    pattern = [np.zeros_like(_U), across * 1.0, across * 0.5 + along * 0.5, (noise(rng, int(period)) > 0.6) * 1.0]
    colour = _blend(first * np.ones((SIDE, SIDE, 1)), second, pattern[rng.choice(4, p=[0.45, 0.2, 0.15, 0.2])])
    weave = np.sin(_U * SIDE * 1.6) * np.sin(_V * SIDE * 1.6) * 0.02
    folds = 0.12 * noise(rng, 7) + 0.05 * noise(rng, 18)
    colour *= (1 + 0.06 * noise(rng, 120))[..., None]
    return np.clip(colour, 0.004, 0.9).astype(np.float32), (weave + folds).astype(np.float32)


def _plain(person: Person, rng: Rng) -> tuple[Array, Array]:
    uneven = sum(
        share * noise(rng, cells) for cells, share in ((4, 0.05), (9, 0.05), (30, 0.035), (130, 0.025), (250, 0.03))
    )
    rough = (0.6 + 0.7 * person.age) * rng.uniform(0.6, 1.4) * (0.4 if person.child else 1)
    colour = np.array(person.skin) * (1 + rough * np.asarray(uneven)[..., None] * (0.7, 1.05, 1.05))
    relief = rough * (0.008 * noise(rng, 250) + 0.008 * noise(rng, 120) + 0.012 * noise(rng, 40))
    return colour.astype(np.float32), relief.astype(np.float32)


def _spots(colour: Array, relief: Array, marks: Array, person: Person, rng: Rng) -> None:
    """Freckles, moles, pimples and age spots."""
    freckles = int(rng.uniform(60, 300)) if person.tone < 0.45 and rng.random() < 0.2 else 0
    pimples = int(rng.integers(0, 25)) if rng.random() < 0.25 else 0
    kinds = (
        (freckles, 0.003, (0.3, 0.5, 0.55), 0.0), (int(rng.poisson(2.5)), 0.004, (0.7, 0.75, 0.75), 0.05),
        (pimples, 0.006, (-0.05, 0.3, 0.25), 0.05), (int(max(0.0, 12 * person.age - 6)), 0.012, (0.2, 0.3, 0.35), 0.0),
    )  # fmt: skip
    low, high = marks.min(0), marks.max(0) + vector(0, 0.12)
    for count, size, strength, height in kinds:
        dots = np.zeros((SIDE, SIDE), np.float32)
        for place in rng.uniform(low, high, (count, 2)):
            radius = max(1, round(float(size * SIDE * rng.uniform(0.5, 1.2))))
            x, y = (round(float(each)) for each in (place[0] * SIDE, (1 - place[1]) * SIDE))
            cv2.circle(dots, (x, y), radius, float(rng.uniform(0.3, 1)), -1, cv2.LINE_AA)
        dots = np.asarray(cv2.GaussianBlur(dots, (0, 0), 1.0), np.float32)
        colour *= 1 - dots[..., None] * strength
        relief += dots * height


def _wrinkle(colour: Array, relief: Array, marks: Array, strength: float, rng: Rng) -> None:
    """Lines on the forehead, between the brows, beside the eyes and from the nose to the mouth."""
    lines: list[tuple[Array, float]] = []
    brow = marks[17:27, 1].max()
    for number in range(int(2 + 3 * strength)):
        across = np.linspace(0.33, 0.67, 9)
        level = brow + 0.045 + 0.024 * number + 0.006 * np.sin(across * 20 + number) + rng.normal(0, 0.002, 9)
        lines.append((np.stack([across, level], 1), 0.7))
    for side, corner, wing, mouth, bag in ((-1, 36, 31, 48, 41), (1, 45, 35, 54, 46)):
        for fan in range(4):
            start = marks[corner] + np.array([side * 0.015, 0.008 * (fan - 1.5)])
            lines.append((np.stack([start, start + np.array([side * 0.045, 0.03 * (fan - 1.5)])]), 0.8))
        fold = [
            marks[wing] + (side * 0.015, 0.02),
            marks[wing] + (side * 0.055, -0.03),
            marks[mouth] + (side * 0.03, 0.02),
        ]
        lines.append((np.array([*fold, marks[mouth] + (side * 0.028, -0.04)]), 1.5))
        lines.append(
            (
                np.stack(
                    [marks[bag] + (-side * 0.05, -0.03), marks[bag] + (0, -0.04), marks[bag] + (side * 0.03, -0.03)]
                ),
                1.0,
            )
        )
        lines.append((np.array([[0.5 + side * 0.02, brow + 0.02], [0.5 + side * 0.022, brow - 0.03]]), 0.8))
    canvas = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    for line, weight in lines:
        shade = int(255 * min(1.0, weight * strength * rng.uniform(0.6, 1.1)))
        cv2.polylines(canvas, [_pixels(line, 2 * SIDE)], False, shade, 3 if weight < 1 else 5, cv2.LINE_AA, 4)
    depth = cv2.GaussianBlur(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), (0, 0), 1.4) / 255
    colour *= 1 - depth[..., None] * (0.22, 0.3, 0.28)
    relief -= (0.1 * depth).astype(np.float32)


def _brows(marks: Array, person: Person, rng: Rng) -> Array:
    """(SIDE, SIDE) 0..1, brows of single hairs whose middle lies where the labels are."""
    canvas = np.zeros((SIDE * _FINE, SIDE * _FINE), np.uint8)
    height = rng.uniform(0.016, 0.026) * (1.15 if person.male else 0.85) * (0.8 if person.child else 1)
    count, drop, length = int(rng.uniform(130, 420)), 0.0115, rng.uniform(0.014, 0.026)
    for line, side in ((marks[17:22], -1), (marks[26:21:-1], 1)):  # from the outer to the inner end
        share = rng.random(count) ** 0.85
        x, y = (np.interp(share * 4, range(5), line[:, axis]) for axis in (0, 1))
        y = y - drop + rng.uniform(-0.5, 0.5, count) * height * np.interp(share, [0, 0.3, 0.9, 1], [0.25, 0.9, 1, 0.7])
        lean = np.radians(rng.normal(np.where(share < 0.8, 14, 50), 13)) * np.where(share < 0.25, -1, 1)
        span = length * rng.uniform(0.5, 1, count)
        ends = np.stack([x + side * span * np.cos(lean), y + 0.6 * span * np.sin(lean)], axis=1)
        for start, end in zip(np.stack([x, y], 1), ends, strict=True):
            line_px = _pixels(np.stack([start, end]), SIDE * _FINE)
            cv2.polylines(canvas, [line_px], False, int(rng.uniform(110, 240)), int(rng.integers(2, 5)), cv2.LINE_AA, 4)
    hairs = np.asarray(cv2.resize(canvas, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32) / 255
    return np.asarray(np.clip(0.9 * hairs + 0.8 * cv2.GaussianBlur(hairs, (0, 0), 2.5), 0, 1) * rng.uniform(0.6, 1))


def _spot(centre: Array | Sequence[float], width: float, height: float | None = None) -> Array:
    """(SIDE, SIDE), a soft spot of 1 at a place of the texture."""
    rows = np.exp(-(((_V[:, 0] - centre[1]) / (height or width)) ** 2) / 2)
    return np.asarray(rows[:, None] * np.exp(-(((_U[0] - centre[0]) / width) ** 2) / 2), np.float32)


def _area(outline: Array, blur: float) -> Array:
    canvas = np.zeros((SIDE, SIDE), np.float32)
    cv2.fillPoly(canvas, [_pixels(outline, SIDE)], 1.0, cv2.LINE_8, 4)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), np.float32)


def _pixels(uv: Array, side: int) -> Ints:
    """Texture coordinates as OpenCV draws them with four bits behind the point."""
    return np.asarray(np.round((np.stack([uv[..., 0], 1 - uv[..., 1]], -1) * side - 0.5) * 16), np.int32)


def _mix(colour: Array, share: Array, other: Array) -> None:
    colour += (np.asarray(other, np.float32) - colour) * share[..., None].astype(np.float32)


def _blend(first: Array, second: Array, share: Array) -> Array:
    return np.asarray(first + (second - first) * share[..., None])
