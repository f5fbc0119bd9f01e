"""Clips made from one still picture under a known motion, so that the truth of every frame is known without labels.

A scene says how the face moves and what happens to the picture; a clip is a scene rendered into a file of raw frames.
Every scene begins with STILL_FRAMES frames at rest, from which a model's own mean prediction is taken: an error that is
the same in all frames counts in none of the measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sdfl.geometry import crop_affine, landmark_box, square_around, transform_points
from sdfl.types import FloatArray, Image

SIZE = (640, 480)
FPS = 30
STILL_FRAMES = 30
NOISE_SIGMA = 6.0  # grey levels, as an ordinary webcam has indoors
FACE_SHARE = 0.42  # of the frame's height
SUBFRAMES = 8  # of a blurred frame
HEAD = 1.15, 1.45  # half axes of the cut-out head, in half sizes of the landmarks' box
HEAD_UP = 0.22  # how far its centre lies above that of the box, in half heights

Pose = tuple[float, float, float, float]  # right and down of the frame's centre in px, zoom, roll in degrees
Motion = Callable[[float], Pose]  # of the seconds since the end of the rest, negative before


@dataclass(frozen=True, eq=False)
class Still:
    """A still picture of a face.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        box: (4,) xyxy px around the landmarks of the face.
    """

    image: Image
    box: FloatArray


@dataclass(frozen=True)
class Scene:
    """What happens in a clip.

    Attributes:
        motions: one for each face, the last in front. More than one face are heads cut out before a plain wall.
        seconds: after the frames at rest.
        cover: seconds since the rest, from when to when a card covers the face.
        exposure: share of a frame's time over which it is blurred by the motion.
        gain: factor of the brightness.
        jpeg: quality that every frame is compressed with; 0 does not compress.
    """

    motions: tuple[Motion, ...]
    seconds: float = 4.0
    cover: tuple[float, float] | None = None
    exposure: float = 0.0
    gain: float = 1.0
    jpeg: int = 0


def _rest(_: float) -> Pose:
    return 0.0, 0.0, 1.0, 0.0


def _head(t: float) -> Pose:
    """An unhurried head: pan, zoom and roll together, from rest and back to it."""
    s = np.sin(np.pi * max(0.0, t))
    return 60 * s, 18 * np.sin(2 * np.pi * max(0.0, t)), 1 + 0.12 * s, 10 * s


def _stops(t: float) -> Pose:
    """A second at 150 px/s that ends within a frame, twice."""
    there, back = np.clip(t, 0, 1), np.clip(t - 1.5, 0, 1)
    return 150.0 * (there - back), 0.0, 1.0, 0.0


def _fast(t: float) -> Pose:
    """To and fro at up to 20 px a frame."""
    return 95 * np.sin(2 * np.pi * max(0.0, t)), 0.0, 1.0, 0.0


def _leaves(t: float) -> Pose:
    """Out of the frame in a second, a second away, and back."""
    return 520.0 * (np.clip(t, 0, 1) - np.clip(t - 2, 0, 1)), 0.0, 1.0, 0.0


def _crosses(side: float) -> Motion:
    """From `side` (-1 left, 1 right) to the other in a second and a half; smaller than alone."""
    return lambda t: (side * 170 * np.cos(np.pi * np.clip(t / 1.5, 0, 1)), 0.0, 0.75 + 0.06 * side, 0.0)


SCENES = {
    "still": Scene((_rest,), seconds=4),
    "motion": Scene((_head,), seconds=4),
    "stops": Scene((_stops,), seconds=3.5),
    "fast, blurred": Scene((_fast,), seconds=3, exposure=0.5),
    "dark, compressed": Scene((_head,), seconds=3, gain=0.25, jpeg=30),
    "cover": Scene((_rest,), seconds=3, cover=(0.5, 1.0)),
    "leave, return": Scene((_leaves,), seconds=4),
    "crossing": Scene((_crosses(-1.0), _crosses(1.0)), seconds=3),
    "nobody": Scene((), seconds=2),
}


@dataclass(frozen=True, eq=False)
class Clip:
    """A scene with its truth.

    Attributes:
        path: raw (T, H, W, 3) uint8 frames of SIZE.
        box: (4,) xyxy px of the still's face.
        shown: (F, T), which share of each face is in view in each frame, 0..1.
    """

    name: str
    scene: Scene
    path: Path
    box: FloatArray
    shown: FloatArray

    @property
    def num_frames(self) -> int:
        """T."""
        return int(self.shown.shape[1])

    def place(self, face: int, frame: float) -> FloatArray:
        """The (2, 3) affine still px -> frame px of a face; `frame` may lie between two frames."""
        return _place(self.scene.motions[face], self.box, frame)

    def boxes(self, frame: int) -> list[FloatArray]:
        """(4,) xyxy px of every face in a frame, in view or not."""
        return [landmark_box(transform_points(self.place(face, frame), _corners(self.box))) for face in self.faces]

    @property
    def still(self) -> bool:
        """Whether its only face never moves and nothing covers it."""
        return self.scene.motions == (_rest,) and self.scene.cover is None

    @property
    def faces(self) -> range:
        """Numbers of the faces."""
        return range(len(self.scene.motions))


def plan_clip(name: str, still: Still, path: Path) -> Clip:
    """The truth of a scene, without rendering its frames.

    Args:
        name: a key of SCENES.
        still: the picture of the face.
        path: where `make_clip` would write the frames.
    """
    scene = SCENES[name]
    count = STILL_FRAMES + round(scene.seconds * FPS)
    shown = np.zeros((len(scene.motions), count), np.float32)
    for index in range(count):
        card = _card(scene, index)
        for face in range(len(scene.motions)):
            shown[face, index] = _shown(scene, still, face, index, card)
    return Clip(name, scene, path, still.box, shown)


def make_clip(name: str, still: Still, path: Path, *, seed: int = 0) -> Clip:
    """Render a scene.

    Args:
        name: a key of SCENES.
        still: the picture of the face.
        path: the file to write, raw frames.
        seed: of the noise.
    """
    clip, rng = plan_clip(name, still, path), np.random.default_rng(seed)
    with path.open("wb") as file:
        for index in range(clip.num_frames):
            frame, card = _frame(clip.scene, still, index), _card(clip.scene, index)
            if card is not None:
                frame[:, card[0] : card[1]] = (92, 100, 96)
            file.write(_camera(frame, clip.scene, rng).tobytes())
    return clip


def _place(motion: Motion, box: FloatArray, frame: float) -> FloatArray:
    right, down, zoom, roll_deg = motion((frame - STILL_FRAMES) / FPS)
    centre, side_px = square_around(box, 1.0)
    place = crop_affine(np.zeros(2), FACE_SHARE * SIZE[1] * zoom / side_px, 1, angle_deg=roll_deg)
    place[:, 2] = np.array([SIZE[0] / 2 + right, SIZE[1] / 2 + down]) - place[:, :2] @ centre
    return place


def _frame(scene: Scene, still: Still, index: int) -> Image:
    """The picture before the camera's own faults; blurred frames are means over the exposure, centred on `index`."""
    moments = [float(index)]
    if scene.exposure:
        moments = list(index + scene.exposure * (np.arange(SUBFRAMES) + 0.5) / SUBFRAMES - scene.exposure / 2)
    pictures = [_picture(scene, still, moment) for moment in moments]
    return pictures[0] if len(pictures) == 1 else np.asarray(np.mean(pictures, axis=0).round(), np.uint8)


def _picture(scene: Scene, still: Still, moment: float) -> Image:
    if not scene.motions:
        return _scrambled(still.image)
    places = [_place(motion, still.box, moment) for motion in scene.motions]
    if len(places) == 1:
        return np.asarray(cv2.warpAffine(still.image, places[0], SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    picture = np.full((SIZE[1], SIZE[0], 3), (150, 140, 128), np.float32)
    mask = _head_mask(still)
    for number, place in enumerate(places):
        image, alpha = (still.image, mask) if number % 2 else _mirrored(still, mask)
        layer = cv2.warpAffine(image, place, SIZE)
        share = cv2.warpAffine(alpha, place, SIZE)[..., None]
        picture = picture * (1 - share) + layer * share
    return np.asarray(picture.round(), np.uint8)


def _scrambled(image: Image, blocks: int = 12) -> Image:
    """Colours and edges of the picture without any face: its blocks, shuffled."""
    side = SIZE[0] // blocks
    rows, columns = SIZE[1] // side, blocks
    whole = cv2.resize(image, (columns * side, rows * side), interpolation=cv2.INTER_AREA)
    parts = [whole[r * side : (r + 1) * side, c * side : (c + 1) * side] for r in range(rows) for c in range(columns)]
    order = np.random.default_rng(1).permutation(len(parts))
    lines = [np.hstack([parts[i] for i in order[r * columns : (r + 1) * columns]]) for r in range(rows)]
    return np.asarray(cv2.resize(np.vstack(lines), SIZE), np.uint8)


def _head_mask(still: Still) -> FloatArray:
    """(H, W), 1 on the head and soft at its edge."""
    height, width = still.image.shape[:2]
    (x0, y0, x1, y1), (wide, high) = still.box, HEAD
    y, x = np.mgrid[:height, :width]
    half_width, half_height = (x1 - x0) / 2, (y1 - y0) / 2
    across = (x - (x0 + x1) / 2) / (wide * half_width)
    down = (y - (y0 + y1) / 2 + HEAD_UP * half_height) / (high * half_height)
    return np.asarray(np.clip((1 - np.hypot(across, down)) * 8, 0, 1), np.float32)


def _mirrored(still: Still, mask: FloatArray) -> tuple[Image, FloatArray]:
    """The other person: picture and mask flipped about the middle of the face."""
    centre_x = float(still.box[0] + still.box[2])
    flip = np.array([[-1, 0, centre_x], [0, 1, 0]], np.float32)
    size = (mask.shape[1], mask.shape[0])
    return (
        np.asarray(cv2.warpAffine(still.image, flip, size), np.uint8),
        np.asarray(cv2.warpAffine(mask, flip, size), np.float32),
    )


def _card(scene: Scene, index: int) -> tuple[int, int] | None:
    """Left and right edge of the card, which slides in from the left and on to the right, a fifth of a second each."""
    if scene.cover is None:
        return None
    slide_s, (begin_s, end_s) = 0.2, scene.cover
    t = (index - STILL_FRAMES) / FPS
    centre, side_px = SIZE[0] / 2, FACE_SHARE * SIZE[1]
    left, right = centre - 0.9 * side_px, centre + 0.9 * side_px
    arrived, gone = np.clip((t - begin_s) / slide_s + 1, 0, 1), np.clip((t - end_s) / slide_s, 0, 1)
    edges = left + (right - left) * gone, left + (right - left) * arrived
    return (int(edges[0]), int(edges[1])) if edges[1] > edges[0] else None


def _shown(scene: Scene, still: Still, face: int, index: int, card: tuple[int, int] | None) -> float:
    """Share of the face's box that is inside the frame and not behind the card or a face in front."""
    x0, y0, x1, y1 = _box_at(scene, still, face, index)
    inside = np.zeros((20, 20), bool)
    x, y = np.meshgrid(x0 + (x1 - x0) * (np.arange(20) + 0.5) / 20, y0 + (y1 - y0) * (np.arange(20) + 0.5) / 20)
    inside = (x >= 0) & (x < SIZE[0]) & (y >= 0) & (y < SIZE[1])
    if card is not None:
        inside &= (x < card[0]) | (x > card[1])
    for other in range(face + 1, len(scene.motions)):
        a0, b0, a1, b1 = _box_at(scene, still, other, index)
        inside &= ~((x > a0) & (x < a1) & (y > b0) & (y < b1))
    return float(inside.mean())


def _box_at(scene: Scene, still: Still, face: int, index: float) -> FloatArray:
    return landmark_box(transform_points(_place(scene.motions[face], still.box, index), _corners(still.box)))


def _corners(box: FloatArray) -> FloatArray:
    x0, y0, x1, y1 = box
    return np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]], np.float32)


def _camera(frame: Image, scene: Scene, rng: np.random.Generator) -> Image:
    """Gain, noise of the sensor, compression."""
    noise = NOISE_SIGMA * rng.standard_normal(frame.shape, dtype=np.float32)
    noisy = np.asarray(np.clip(np.round(frame * scene.gain + noise), 0, 255), np.uint8)
    if not scene.jpeg:
        return noisy
    _, content = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, scene.jpeg])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)
