"""A training picture of the detector: labelled faces of chosen sizes pasted over what holds none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.geometry import invert_affine, transform_points
from sdfl.layouts import IBUG68
from sdfl.train.data.augmentation import AugmentConfig, degrade
from sdfl.train.data.detector_pictures import Source
from sdfl.types import FloatArray, Image

FACE, UNKNOWN = 1, -1
_PATCHES = ((36, 42), (42, 48), (30, 31), (48, 49), (54, 55))  # ranges of the 68 points: eyes, nose, mouth corners


@dataclass(frozen=True)
class ComposeConfig:
    """size: side px. face_px: smallest and largest face (longer side of its box), drawn evenly on a logarithmic scale.

    faces: at most so many beside the first; enlarge: a face is at most so many times its own size. rotation_deg: in
    plus or minus, of most faces; upright ones are the rest. empty: share of pictures without a face. blur, cover, dark:
    probabilities of each face, of a face, of a picture. photo: of the whole picture.
    """

    size: int = 256
    face_px: tuple[float, ...] = (12.0, 250.0)
    faces: int = 4
    enlarge: float = 1.7
    rotation_deg: float = 40.0
    empty: float = 0.12
    blur: float = 0.25
    cover: float = 0.2
    dark: float = 0.12
    photo: AugmentConfig = field(
        default_factory=lambda: AugmentConfig(
            occlusion=0.0, colour=0.6, grey=0.12, blur=0.0, low_resolution=0.0, noise=0.15, jpeg=0.25
        )
    )

    def __post_init__(self) -> None:
        if self.size < 64 or self.size % 32:
            raise ConfigError(f"compose.size must be a multiple of 32 and at least 64, got {self.size}")
        if len(self.face_px) != 2 or not 0 < self.face_px[0] < self.face_px[1]:
            raise ConfigError(f"compose.face_px must be two growing positive numbers, got {list(self.face_px)}")


@dataclass(frozen=True, eq=False)
class Composed:
    """image: (S, S, 3) uint8 BGR. boxes: (F, 4) xyxy px; points: (F, 5, 2) px; kind: (F,), FACE or UNKNOWN."""

    image: Image
    boxes: FloatArray
    points: FloatArray
    kind: npt.NDArray[np.int64]


def five_points(points: FloatArray) -> FloatArray:
    """(68, 2) -> (5, 2): middle of the eye on the left as seen, of the other, nose tip, mouth corners."""
    return np.stack([points[first:last].mean(axis=0) for first, last in _PATCHES]).astype(np.float32)


class Canvas:
    """The picture while it is made."""

    def __init__(self, config: ComposeConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        self.image: Image = np.zeros((config.size, config.size, 3), np.uint8)
        self.boxes: list[FloatArray] = []
        self.points: list[FloatArray] = []
        self.kind: list[int] = []

    def paste(self, source: Source, region: FloatArray, to_source: FloatArray, blur_px: float = 0.0) -> None:
        """Draw the part `region` (4,) xyxy px of `source`; to_source: (2, 3) affine, canvas px -> source px."""
        shrink = float(np.sqrt(abs(np.linalg.det(to_source[:, :2]))))
        level = int(np.clip(np.log2(max(shrink, 1e-6)) + 0.3, 0, len(source.levels) - 1))
        picture, full = source.levels[level], source.levels[0]
        scale = np.array([picture.shape[1] / full.shape[1], picture.shape[0] / full.shape[0]])
        corners = region.reshape(2, 2) * scale
        x0, y0 = np.maximum(np.floor(corners[0]), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(corners[1]), [picture.shape[1], picture.shape[0]]).astype(int)
        part = picture[y0 : max(y1, y0 + 2), x0 : max(x1, x0 + 2)]
        if min(part.shape[:2]) < 2:
            return
        if blur_px * scale[0] > 0.4:
            part = np.asarray(cv2.GaussianBlur(part, (0, 0), float(blur_px * scale[0])), np.uint8)
        linear = to_source[:, :2] * scale[:, None]
        offset = (to_source[:, 2] + 0.5) * scale - 0.5 - np.array([x0, y0])
        affine = np.column_stack([linear, offset]).astype(np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (self.config.size, self.config.size)
        self.image = np.asarray(
            cv2.warpAffine(part, affine, size, self.image, flags=flags, borderMode=cv2.BORDER_TRANSPARENT), np.uint8
        )

    def note(self, box: FloatArray, points: FloatArray, kind: int) -> None:
        """Write down a face or an unknown region; what the border hides mostly becomes unknown or is left out."""
        size = self.config.size
        inside = np.prod(np.clip(np.minimum(box[2:], size) - np.maximum(box[:2], 0), 0, None))
        share = float(inside / max(np.prod(box[2:] - box[:2]), 1e-6))
        if share < 0.05:
            return
        self.boxes.append(box.astype(np.float32))
        self.points.append(points)
        self.kind.append(kind if share >= 0.55 else UNKNOWN)


def compose(pick: Callable[[], Source], first: Source, config: ComposeConfig, rng: np.random.Generator) -> Composed:
    """pick: gives a random source. first: the one whose face is shown, with its surroundings."""
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
    """A part (4,) xyxy px of a picture where no face is known, None where none was found."""
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
