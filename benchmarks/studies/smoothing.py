"""Jitter against lag of the smoothing's parameters: how the defaults of `sdfl.runtime.tracking.smoothing` were chosen.

The tracker follows the network's own points and not the smoothed ones. So clips are tracked once, and then every
setting filters the same points. Faces in clips from stills are stiff; what smoothing takes from speech and blinks is
measured by moving the recorded lips and lids by a known amount. Choose parameters on AFW or HELEN train, never on HELEN
test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sdfl.benchmarks.records import read_records
from sdfl.benchmarks.video.clips import FPS, SIZE, STILL_FRAMES, Clip, Still, make_clip
from sdfl.benchmarks.video.metrics import SETTLE, ReportedFace, measure_clip
from sdfl.benchmarks.video.stills import labelled_stills
from sdfl.datasets import find_samples
from sdfl.errors import DataError
from sdfl.layouts import IBUG68
from sdfl.metrics import inter_ocular
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.tracking.smoothing import LowPass, Smoother, Smoothing
from sdfl.types import FloatArray, Frame

Row = tuple[str, dict[str, Any]]  # name of a setting or model, and its measures
SCENES = ("still", "motion", "stops", "fast, blurred", "dark, compressed")
STIFFNESS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # times the cutoffs at rest
LIPS, LIDS = [*range(6, 11), *range(55, 60), *range(65, 68)], [37, 38, 43, 44]  # of ibug68
LIPS_OPEN, LIDS_CLOSE = 0.15, 0.06  # of the inter-ocular distance
TALK_HZ, BLINK_S, BLINKS_EVERY_S = 2.0, 0.2, 0.8
COLUMNS = (
    ("jitter %", "jitter_percent", 3), ("rms %", "rms_percent", 2), ("motion error %", "motion_error_percent", 2),
    ("lag ms", "lag_ms", 1), ("stops %", "stops_percent", 2), ("fast %", "fast_percent", 2),
    ("lips %", "lips_percent", 2), ("lids %", "lids_percent", 2), ("blink depth", "blink_depth", 2),
)  # fmt: skip


@dataclass(eq=False)
class Recording:
    """One clip and what the network predicted in each of its frames.

    Attributes:
        points: (N, 2) px, one a frame.
        spread: (N,) expected error of each point, one a frame.
    """

    clip: Clip
    points: list[FloatArray] = field(default_factory=list)
    spread: list[FloatArray] = field(default_factory=list)

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray:  # noqa: ARG002
        """In place of `Smoother.update`."""
        self.points.append(points)
        self.spread.append(spread)
        return points


def record(landmarker: FaceLandmarker, stills: Sequence[Still]) -> Iterator[Recording]:
    """Track every scene of SCENES made from every still.

    Yields:
        One recording a clip; those in which the face was lost are left out.
    """
    with TemporaryDirectory(prefix="sdfl-clips-") as folder:
        for number, still in enumerate(stills):
            for name in SCENES:
                clip = make_clip(name, still, Path(folder) / "clip.bgr", seed=number)
                frames = np.fromfile(clip.path, np.uint8).reshape(-1, SIZE[1], SIZE[0], 3)
                recording = Recording(clip)
                tracker = landmarker.new_tracker(smoother=lambda: recording)  # noqa: B023
                for index, image in enumerate(frames):
                    tracker.update(Frame(image, index, index / FPS))
                if len(recording.points) == clip.num_frames:
                    yield recording


def measure(recordings: Sequence[Recording], smoothing: Smoothing | None) -> dict[str, float]:
    """Means of all measures over the recordings.

    Args:
        recordings: of all scenes.
        smoothing: None for unsmoothed.
    """
    found: dict[str, list[float]] = {}
    for each in recordings:
        points = filtered(each, each.points, smoothing)
        result = measure_clip(each.clip, [[ReportedFace(1, p)] for p in points], "ibug68")
        error = result.pop("motion_error_percent", None)
        if error is not None:
            name = "motion_error" if each.clip.name == "motion" else each.clip.name.partition(",")[0]
            result[f"{name}_percent"] = error
        if each.clip.name != "motion":
            result.pop("lag_ms", None)
        if each.clip.name == "still":
            result |= expression(each, points, smoothing)
        for key, value in result.items():
            found.setdefault(key, []).append(value)
    return {key: float(np.mean(values)) for key, values in found.items()}


def filtered(each: Recording, points: Sequence[FloatArray], smoothing: Smoothing | None) -> Sequence[FloatArray]:
    """The points (N, 2) of every frame after smoothing with the spread that the network predicted for the recording."""
    if smoothing is None:
        return points
    smoother = Smoother(smoothing)
    return [smoother.update(p, s, index / FPS) for index, (p, s) in enumerate(zip(points, each.spread, strict=True))]


def expression(each: Recording, steady: Sequence[FloatArray], smoothing: Smoothing | None) -> dict[str, float]:
    """How well lips and lids that move by a known amount are followed.

    Args:
        each: a clip of a face at rest.
        steady: its points as `smoothing` filters them.
        smoothing: None for unsmoothed.

    Returns:
        Errors of lips and lids in percent of the inter-ocular distance, and how deep a blink goes, where 1 is right.
    """
    rest = np.mean(steady[SETTLE:STILL_FRAMES], axis=0)
    d = float(inter_ocular(rest, IBUG68))
    moves = np.stack([_expression(index, d) for index in range(len(each.points))])
    seen = np.stack(filtered(each, [p + move for p, move in zip(each.points, moves, strict=True)], smoothing))
    off = 100 * np.linalg.norm(seen - moves - rest, axis=-1)[STILL_FRAMES:] / d
    deepest = (seen - rest)[STILL_FRAMES:, LIDS, 1].max(axis=0).mean() / (LIDS_CLOSE * d)
    return {
        "lips_percent": float(off[:, LIPS].mean()),
        "lids_percent": float(off[:, LIDS].mean()),
        "blink_depth": float(deepest),
    }


def _expression(index: int, d: float) -> FloatArray:
    """(68, 2) px that the points of frame `index` are moved by."""
    t, move = (index - STILL_FRAMES) / FPS, np.zeros((68, 2), np.float32)
    if t > 0:
        move[LIPS, 1] = LIPS_OPEN * d * (1 - np.cos(2 * np.pi * TALK_HZ * t)) / 2
        move[LIDS, 1] = LIDS_CLOSE * d * max(0.0, np.sin(np.pi * min(t % BLINKS_EVERY_S, BLINK_S) / BLINK_S))
    return move


def settings() -> Iterator[tuple[str, Smoothing | None]]:
    """Unsmoothed, the default at every stiffness, and one parameter of the default changed at a time."""
    base = Smoothing()
    yield "unsmoothed", None
    for factor in STIFFNESS:
        parts = {name: replace(rule, cutoff_hz=rule.cutoff_hz * factor) for name, rule in vars(base).items()}
        yield f"cutoffs x {factor:g}", replace(base, **parts)
    for part, key in [(part, key) for part in ("motion", "shape") for key in ("slack", "slope_hz", "watch_hz")]:
        for factor in (0.5, 2.0):
            rule: LowPass = getattr(base, part)
            changed = replace(rule, **{key: getattr(rule, key) * factor})
            yield f"{part}.{key} x {factor:g}", replace(base, **{part: changed})


def as_markdown(rows: Sequence[Row]) -> str:
    """A table of all settings."""
    lines = ["| | " + " | ".join(title for title, _, _ in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows:
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.{digits}f}" for _, key, digits in COLUMNS) + " |")
    return "\n".join(lines)


def study(data: Path, model: str | None = None, clips: int = 6) -> list[Row]:
    """Measure every setting of `settings`.

    Args:
        data: folder of labelled pictures that clips are made from.
        model: name of a model or an .onnx file; None for the default model.
        clips: how many pictures to make clips from.

    Returns:
        Name and measures of each setting.

    Raises:
        DataError: no picture is usable, or no clip could be tracked to its end.
    """
    with FaceLandmarker(model, threads=1) as landmarker:
        recordings = list(record(landmarker, labelled_stills(find_samples(data), clips)))
    if not recordings:
        raise DataError(f"{data}: in every clip that was made from these pictures, the face was lost")
    return [(name, measure(recordings, smoothing)) for name, smoothing in settings()]


def peers_of(path: Path | None) -> list[Row]:
    """Names and measures of other projects' models.

    Args:
        path: a file of records with video records; None for no models.

    Raises:
        RecordsError: the file is missing or damaged.
    """
    found = read_records([path]).records if path else ()
    return [(r.subject.name, r.result) for r in found if r.kind == "video" and r.subject.peer and not r.error]
