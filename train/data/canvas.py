"""A training picture of the detector while it is made: pixels, boxes and points."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.layouts import IBUG68
from sdfl.train.data.augmentation import AugmentConfig
from sdfl.train.data.detector_pictures import Source
from sdfl.types import FloatArray, Image

FACE, UNKNOWN = 1, -1
_PATCHES = (*IBUG68.pupils, (IBUG68.nose_tip,), *((corner,) for corner in IBUG68.mouth_corners))


@dataclass(frozen=True)
class ComposeConfig:
    """How pictures are composed.

    Attributes:
        size: side of a picture, px.
        face_px: smallest and largest face (longer side of its box), drawn evenly on a logarithmic scale.
        faces: largest number of faces beside the first.
        enlarge: largest factor by which a face is enlarged.
        rotation_deg: in plus or minus, of most faces; the rest is upright.
        empty: share of pictures without a face.
        blur: probability that a face is blurred.
        cover: probability that a face is partly covered.
        dark: probability that a picture is underexposed.
        photo: further changes of the whole picture.

    Raises:
        ConfigError: names the key that is wrong.
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
    """A composed picture.

    Attributes:
        image: (S, S, 3) uint8 BGR.
        boxes: (F, 4) xyxy px.
        points: (F, 5, 2) px.
        kind: (F,), FACE or UNKNOWN.
    """

    image: Image
    boxes: FloatArray
    points: FloatArray
    kind: npt.NDArray[np.int64]


def five_points(points: FloatArray) -> FloatArray:
    """Reduce 68 points to those that the detector finds.

    Args:
        points: (68, 2).

    Returns:
        (5, 2): middle of the eye on the left as seen, of the other eye, tip of the nose, corners of the mouth.
    """
    return np.stack([points[list(patch)].mean(axis=0) for patch in _PATCHES]).astype(np.float32)


class Canvas:
    """The picture while it is made."""

    def __init__(self, config: ComposeConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        self.image: Image = np.zeros((config.size, config.size, 3), np.uint8)
        self.boxes: list[FloatArray] = []
        self.points: list[FloatArray] = []
        self.kind: list[int] = []

    def paste(self, source: Source, region: FloatArray, to_source: FloatArray, blur_px: float = 0.0) -> None:
        """Draw a part of a picture.

        Args:
            source: the picture.
            region: (4,) xyxy px of it, the part.
            to_source: (2, 3) affine, canvas px -> source px.
            blur_px: standard deviation of a blur, px of the source.
        """
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
        """Write down a face or an unknown region; what the border mostly hides becomes unknown or is left out.

        Args:
            box: (4,) xyxy px.
            points: (5, 2) px.
            kind: FACE or UNKNOWN.
        """
        size = self.config.size
        inside = np.prod(np.clip(np.minimum(box[2:], size) - np.maximum(box[:2], 0), 0, None))
        share = float(inside / max(np.prod(box[2:] - box[:2]), 1e-6))
        if share < 0.05:
            return
        self.boxes.append(box.astype(np.float32))
        self.points.append(points)
        self.kind.append(kind if share >= 0.55 else UNKNOWN)
