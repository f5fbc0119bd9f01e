"""Jitter against lag, on clips whose truth is known because they are made from labelled pictures.

Still clip: one picture with fresh camera noise in every frame. Jitter is how far each point strays from its own mean.
Moving clip: the picture under a smooth motion. Lag is the delay at which the found motion fits the true one best, and
the motion error is what remains without that delay taken out; the model's constant error counts in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.benchmarks.accuracy import turn_percent
from sdfl.benchmarks.process import Worker
from sdfl.core import FloatArray, Image
from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError
from sdfl.geometry import box_iou, crop_affine, landmark_box, square_around, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular

SIZE = (640, 480)
FPS = 30
NUM_FRAMES = 60
SETTLE = 10  # frames at the beginning of a clip that do not count
NOISE_SIGMA = 6.0  # grey levels, as an ordinary webcam has indoors
FACE_SHARE = 0.42  # of the frame's height
MAX_LAG_FRAMES = 6.0
MAX_TURN_PERCENT = 10.0


@dataclass(frozen=True)
class Clip:
    """paths: frames as PNG files. truth: (T, N, 2) px of every frame."""

    paths: tuple[Path, ...]
    truth: FloatArray
    layout: str


def motion(index: int) -> tuple[float, float, float, float]:
    """Right and down in px, zoom, roll in degrees, at frame `index`: two seconds of an unhurried head, then back."""
    phase = 2 * np.pi * index / NUM_FRAMES
    return 60 * np.sin(phase), 18 * np.sin(2 * phase), 1 + 0.12 * np.sin(phase), 10 * np.sin(phase)


def make_clip(sample: Sample, folder: Path, *, moving: bool, num_frames: int = NUM_FRAMES, seed: int = 0) -> Clip:
    """Write the frames of a clip into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    image = read_image(sample.image_path)
    centre, side_px = square_around(landmark_box(sample.points), 1.0)
    rng = np.random.default_rng(seed)
    paths, truth = [], []
    for index in range(num_frames):
        right, down, zoom, roll_deg = motion(index) if moving else (0.0, 0.0, 1.0, 0.0)
        scale = FACE_SHARE * SIZE[1] * zoom / side_px
        place = crop_affine(np.zeros(2), scale, 1, angle_deg=roll_deg)
        place[:, 2] = np.array([SIZE[0] / 2 + right, SIZE[1] / 2 + down]) - place[:, :2] @ centre
        frame = cv2.warpAffine(image, place, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        noise = NOISE_SIGMA * rng.standard_normal(frame.shape, dtype=np.float32)
        noisy = np.clip(np.round(frame + noise), 0, 255).astype(np.uint8)
        paths.append(folder / f"{index:04d}.png")
        _write(paths[-1], noisy)
        truth.append(transform_points(place, sample.points))
    return Clip(tuple(paths), np.stack(truth), sample.layout)


def make_clips(
    samples: Sequence[Sample], folder: Path, count: int, num_frames: int = NUM_FRAMES
) -> list[tuple[Clip, Clip]]:
    """(still, moving) of `count` pictures."""
    return [
        (
            make_clip(sample, folder / f"{number}still", moving=False, num_frames=num_frames, seed=number),
            make_clip(sample, folder / f"{number}moving", moving=True, num_frames=num_frames, seed=number),
        )
        for number, sample in enumerate(frontal(samples, count))
    ]


def frontal(samples: Sequence[Sample], count: int) -> list[Sample]:
    """`count` pictures of frontal faces, spread evenly over all of them. Raises DataError where there are none."""
    usable = [sample for sample in samples if turn_percent(sample.points, sample.layout) < MAX_TURN_PERCENT]
    if not usable:
        raise DataError("no picture shows a frontal face that a clip could be made from")
    return [usable[i] for i in np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)]


def measure_video(worker: Worker, clips: Sequence[tuple[Clip, Clip]]) -> dict[str, Any]:
    """The mean over the clips in which the face was followed throughout the counted frames."""
    jitter, lag, error = [], [], []
    for still, moving in clips:
        steady, followed = _track(worker, still), _track(worker, moving)
        if steady is not None:
            jitter.append(jitter_percent(steady, still.truth[SETTLE:], still.layout))
        if followed is not None:
            frames, left = lag_and_error(followed, moving.truth[SETTLE:], moving.layout)
            lag.append(frames * 1000 / FPS)
            error.append(left)
    return {
        "jitter_percent": round(float(np.mean(jitter)), 4) if jitter else None,
        "lag_ms": round(float(np.mean(lag)), 2) if lag else None,
        "motion_error_percent": round(float(np.mean(error)), 4) if error else None,
        "clips": len(clips),
        "clips_followed": min(len(jitter), len(lag)),
        "noise_sigma": NOISE_SIGMA,
        "fps": FPS,
    }


def _track(worker: Worker, clip: Clip) -> FloatArray | None:
    """(T - SETTLE, N, 2) px of the labelled face, None where it is lost."""
    answer = worker.ask("faces", paths=[str(path) for path in clip.paths], video=True)
    points = []
    for faces, truth in zip(answer["faces"][SETTLE:], clip.truth[SETTLE:], strict=True):
        found = [np.asarray(face, np.float32) for face in faces]
        right = [face for face in found if box_iou(landmark_box(face), landmark_box(truth)) > 0.2]
        if not right:
            return None
        points.append(right[0])
    return np.stack(points)


def jitter_percent(points: FloatArray, truth: FloatArray, layout: str) -> float:
    """Root mean square distance of each point from its mean over the clip, in percent of the inter-ocular distance."""
    stray = points - points.mean(axis=0)
    rms = np.sqrt((stray.astype(np.float64) ** 2).sum(axis=-1).mean())
    return float(rms / inter_ocular(truth, get_layout(layout)).mean() * 100)


def lag_and_error(points: FloatArray, truth: FloatArray, layout: str) -> tuple[float, float]:
    """points, truth: (T, N, 2). Returns the delay in frames, and the mean error in percent at no delay."""
    lags = np.arange(-1.0, MAX_LAG_FRAMES, 0.02)
    left = [_misfit(points, truth, lag) for lag in lags]
    scale = 100 / float(inter_ocular(truth, get_layout(layout)).mean())
    return float(lags[int(np.argmin(left))]), _misfit(points, truth, 0.0) * scale


def _misfit(points: FloatArray, truth: FloatArray, lag: float) -> float:
    """Mean distance in px between the found motion and the true one `lag` frames earlier, constant errors apart."""
    reach = int(MAX_LAG_FRAMES)
    at = np.arange(reach, len(truth) - 1) - lag
    low = np.floor(at).astype(int)
    part = (at - low)[:, None, None]
    earlier = truth[low] * (1 - part) + truth[np.minimum(low + 1, len(truth) - 1)] * part
    difference = points[reach : len(truth) - 1] - earlier
    return float(np.linalg.norm(difference - difference.mean(axis=0), axis=-1).mean())


def _write(path: Path, image: Image) -> None:
    if not cv2.imwrite(str(path), image, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise DataError(f"{path}: cannot be written")
