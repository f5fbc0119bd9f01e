"""A training picture of the detector: labelled faces of chosen sizes pasted over what holds none."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from sdfl.geometry import invert_affine, transform_points
from sdfl.layouts import IBUG68
from sdfl.train.data.augmentation import degrade
from sdfl.train.data.canvas import FACE, UNKNOWN, Canvas, ComposeConfig, Composed, five_points
from sdfl.train.data.detector_pictures import Source
from sdfl.types import FloatArray, Image


def compose(pick: Callable[[], Source], first: Source, config: ComposeConfig, rng: np.random.Generator) -> Composed:
    """Compose a picture.

    Args:
        pick: gives a random source.
        first: the source whose face is shown with its surroundings.
        config: how.
        rng: chooses.
    """
    canvas = Canvas(config, rng)
    _background(canvas, pick())
    for _ in range(rng.integers(0, 3)):
        _paste_clear(canvas, pick())
    if rng.random() >= config.empty:
        _paste_face(canvas, first, whole=True)
        for _ in range(rng.integers(0, config.faces + 1)):
            _paste_face(canvas, pick(), whole=False)
        for _ in range(rng.integers(0, 3)):
            _paste_clear(canvas, pick())
    image = canvas.image
    if rng.random() < config.dark:
        image = _darken(image, rng)
    image = degrade(image, config.photo, rng)
    return Composed(
        image,
        np.array(canvas.boxes, dtype=np.float32).reshape(-1, 4),
        np.array(canvas.points, dtype=np.float32).reshape(-1, 5, 2),
        np.array(canvas.kind, dtype=np.int64),
    )


def _paste_face(canvas: Canvas, source: Source, *, whole: bool) -> None:
    """whole: the face with its whole surroundings; else cut out around it, where it hides no other face."""
    rng, config = canvas.rng, canvas.config
    box = source.box
    own = float((box[2:] - box[:2]).max())
    low, high = config.face_px
    wanted = np.exp(rng.uniform(np.log(low), np.log(high if whole else high / 2)))
    wanted = min(wanted, own * config.enlarge)
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotation_deg) if rng.random() < 0.6 else rng.normal(0, 0.1)
    mirror = bool(rng.random() < 0.5)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = own / wanted * turn @ np.diag([-1.0 if mirror else 1.0, 1.0])
    middle = (box[:2] + box[2:]) / 2
    reach = max(0.0, config.size / 2 - 0.2 * wanted) if rng.random() < 0.3 else max(0.0, config.size / 2 - 0.5 * wanted)
    place = config.size / 2 + rng.uniform(-1, 1, size=2) * reach
    to_source = np.column_stack([linear, middle - linear @ place]).astype(np.float32)
    region = np.array([0, 0, *source.levels[0].shape[1::-1]], np.float32)
    if not whole:
        margin = rng.uniform(0.12, 1.0, size=4) * own
        region = np.concatenate(
            [np.maximum(region[:2], box[:2] - margin[:2]), np.minimum(region[2:], box[2:] + margin[2:])]
        )
    to_canvas = invert_affine(to_source)
    if not whole and _hides(canvas, _moved(region, to_canvas), 0.25):
        return
    blur = rng.uniform(0.005, 0.06) * own if rng.random() < config.blur else 0.0
    canvas.paste(source, region, to_source, blur)
    for other in source.others:
        if (other[:2] < region[2:]).all() and (other[2:] > region[:2]).all():
            canvas.note(_moved(other, to_canvas), np.zeros((5, 2), np.float32), UNKNOWN)
    points = transform_points(to_canvas, source.points)
    if mirror:
        points = points[IBUG68.flip_index()]
    face = np.concatenate([points.min(axis=0), points.max(axis=0)])
    if rng.random() < config.cover:
        _cover(canvas, face)
    canvas.note(face, five_points(points), FACE)


def _moved(box: FloatArray, to_canvas: FloatArray) -> FloatArray:
    """The box around a (4,) xyxy box after an affine."""
    x0, y0, x1, y1 = box
    corners = transform_points(to_canvas, np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]], np.float32))
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)]).astype(np.float32)


def _hides(canvas: Canvas, region: FloatArray, share: float) -> bool:
    """Whether `region` covers more than `share` of a face that is already there."""
    for box, kind in zip(canvas.boxes, canvas.kind, strict=True):
        common = np.clip(np.minimum(box[2:], region[2:]) - np.maximum(box[:2], region[:2]), 0, None).prod()
        if kind == FACE and common > share * max((box[2:] - box[:2]).prod(), 1e-6):
            return True
    return False


def _cover(canvas: Canvas, face: FloatArray) -> None:
    """Hide up to two fifths of a face from one side, by a colour or by noise."""
    rng = canvas.rng
    x0, y0, x1, y1 = face
    share = rng.uniform(0.1, 0.4)
    strips = (
        (x0, y0, x0 + share * (x1 - x0), y1),
        (x1 - share * (x1 - x0), y0, x1, y1),
        (x0, y1 - share * (y1 - y0), x1, y1 + 0.2 * (y1 - y0)),
        (x0, y0 - 0.3 * (y1 - y0), x1, y0 + 0.7 * share * (y1 - y0)),
    )
    left, top, right, bottom = np.clip(np.round(strips[rng.integers(4)]), 0, canvas.config.size).astype(int)
    if right <= left or bottom <= top:
        return
    shape = (bottom - top, right - left, 3) if rng.random() < 0.3 else (1, 1, 3)
    canvas.image[top:bottom, left:right] = rng.integers(0, 256, size=shape)


def clear_region(source: Source, rng: np.random.Generator) -> FloatArray | None:
    """Choose a part of a picture where no face is known.

    Args:
        source: the picture.
        rng: chooses.

    Returns:
        (4,) xyxy px, None where none was found.
    """
    height, width = source.levels[0].shape[:2]
    face = source.box
    spare = (face[2:] - face[:2]) * np.array([0.1, 0.1])
    taken = [np.concatenate([face[:2] - spare, face[2:] + spare]), *source.others]
    for _ in range(10):
        side = rng.uniform(0.15, 0.7) * min(height, width)
        sides = side * np.exp(rng.uniform(-0.4, 0.4) * np.array([1.0, -1.0]))
        sides = np.minimum(sides, [width, height])
        corner = rng.uniform(0, 1, size=2) * (np.array([width, height]) - sides)
        region = np.concatenate([corner, corner + sides]).astype(np.float32)
        if not any((region[:2] < box[2:]).all() and (region[2:] > box[:2]).all() for box in taken):
            return region
    return None


def _part_of_face(source: Source, rng: np.random.Generator) -> FloatArray:
    """An eye, a mouth, a cheek: too little of a face to be one."""
    box = source.box
    sides = (box[2:] - box[:2]) * rng.uniform(0.2, 0.42)
    corner = box[:2] + rng.uniform(0, 1, size=2) * (box[2:] - box[:2] - sides)
    return np.concatenate([corner, corner + sides]).astype(np.float32)


def _stretch(region: FloatArray, target: FloatArray, mirror: bool) -> FloatArray:
    """The affine canvas px -> source px that lays `region` over `target`, both (4,) xyxy."""
    scale = (region[2:] - region[:2]) / np.maximum(target[2:] - target[:2], 1.0)
    offset = region[:2] - scale * target[:2]
    if mirror:
        offset[0] = region[2] + scale[0] * target[0]
        scale = scale * np.array([-1.0, 1.0])
    return np.column_stack([np.diag(scale), offset]).astype(np.float32)


def _background(canvas: Canvas, source: Source) -> None:
    rng, size = canvas.rng, canvas.config.size
    region = clear_region(source, rng) if rng.random() < 0.8 else None
    if region is not None:
        whole = np.array([0, 0, size, size], np.float32)
        canvas.paste(source, region, _stretch(region, whole, bool(rng.random() < 0.5)))
        return
    ramp = np.linspace(0, 1, size)[:, None, None] * rng.uniform(-120, 120, size=3)
    flat = rng.uniform(0, 255, size=3) + (ramp if rng.random() < 0.5 else ramp.transpose(1, 0, 2))
    image = np.broadcast_to(flat, (size, size, 3)) + rng.normal(0, rng.uniform(0, 25), size=(size, size, 1))
    canvas.image = np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8))
    for _ in range(rng.integers(0, 12)):
        _scribble(canvas)


def _scribble(canvas: Canvas) -> None:
    """An ellipse, a box, a line or letters."""
    rng, size, image = canvas.rng, canvas.config.size, canvas.image
    colour = tuple(int(value) for value in rng.integers(0, 256, size=3))
    (x, y), (w, h) = rng.integers(0, size, size=2), rng.integers(3, size // 3, size=2)
    filled = -1 if rng.random() < 0.5 else int(rng.integers(1, 5))
    kind = rng.integers(4)
    if kind == 0:
        cv2.ellipse(image, (int(x), int(y)), (int(w), int(h)), float(rng.uniform(0, 180)), 0, 360, colour, filled)
    elif kind == 1:
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), colour, filled)
    elif kind == 2:
        cv2.line(image, (int(x), int(y)), (int(x + w), int(y - h)), colour, max(1, filled))
    else:
        text = "".join(chr(code) for code in rng.integers(33, 126, size=6))
        cv2.putText(image, text, (int(x - w), int(y)), int(rng.integers(0, 8)), float(rng.uniform(0.3, 2)), colour, 2)


def _paste_clear(canvas: Canvas, source: Source) -> None:
    """A rectangle without a face, so that the edge of a pasted one means nothing."""
    rng, size = canvas.rng, canvas.config.size
    region = _part_of_face(source, rng) if rng.random() < 0.2 else clear_region(source, rng)
    if region is None:
        return
    side = np.exp(rng.uniform(np.log(16), np.log(size * 0.7)))
    sides = side * np.exp(rng.uniform(-0.3, 0.3) * np.array([1.0, -1.0]))
    corner = rng.uniform(-0.2, 1.0, size=2) * (size - sides * 0.5)
    target = np.concatenate([corner, corner + sides]).astype(np.float32)
    if not _hides(canvas, target, 0.2):
        canvas.paste(source, region, _stretch(region, target, bool(rng.random() < 0.5)))


def _darken(image: Image, rng: np.random.Generator) -> Image:
    """Underexposed, with the noise that comes with it."""
    gain = np.exp(rng.uniform(np.log(0.12), np.log(0.5)))
    noise = rng.normal(0, rng.uniform(0, 6), size=image.shape).astype(np.float32)
    return np.asarray(np.clip(image * gain + noise, 0, 255), np.uint8)
