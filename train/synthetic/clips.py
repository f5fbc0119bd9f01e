"""Clips of a head that turns, speaks and blinks, with the exact points of every frame.

As the clips of `sdfl.benchmarks.video`, they are 640 x 480 at 30 frames a second and begin with a second at rest.
Labels are JSON lines with the keys of `sdfl track --jsonl`, so that results and truth are compared line by line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.checks import require_within
from sdfl.files import atomic_path
from sdfl.geometry import landmark_box
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.train.synthetic.generate import Plan, Progress, claim, loaded, render_missing, silent
from sdfl.train.synthetic.labels import Camera
from sdfl.train.synthetic.person import Rng, draw_person, gaze, mixed
from sdfl.train.synthetic.photo import draw_background
from sdfl.train.synthetic.scene import Scene
from sdfl.train.synthetic.shot import draw_light, labels, photograph

SIZE, FPS, STILL_FRAMES = (640, 480), 30, 30
SECONDS = 4.0  # after the frames at rest
_FACE_PX = 200  # height of a face of 15 cm

Pose = tuple[float, float, float]
Curve = Callable[[float], float]  # of the seconds since the end of the rest


@dataclass(frozen=True)
class Motion:
    """How a head moves; everything rests until 0 s.

    Attributes:
        angles: yaw, pitch and roll in degrees.
        shift: of the camera's target, to the right and up in cm.
        shapes: weights of expression shapes.
    """

    angles: tuple[Curve, Curve, Curve]
    shift: tuple[Curve, Curve]
    shapes: dict[str, Curve]

    def at(self, seconds: float) -> tuple[Pose, tuple[float, float], dict[str, float]]:
        """Pose, shift and weights at a time."""
        yaw, pitch, roll = (curve(seconds) for curve in self.angles)
        weights = {name: min(max(curve(seconds), 0.0), 1.0) for name, curve in self.shapes.items()}
        right, up = self.shift[0](seconds), self.shift[1](seconds)
        return (yaw, pitch, roll), (right, up), mixed(weights, gaze(-yaw / 60, -pitch / 60))


def draw_motion(rng: Rng) -> Motion:
    """A head that looks around and speaks, with a blink every two seconds or so."""
    angles = (_wave(rng, rng.uniform(15, 55)), _wave(rng, rng.uniform(4, 14)), _wave(rng, rng.uniform(3, 12)))
    shift = (_wave(rng, rng.uniform(1, 5)), _wave(rng, rng.uniform(0.5, 2)))
    speech, lips, smile = _wave(rng, 0.3, 2.5), _wave(rng, 0.4, 1.7), _wave(rng, 0.5, 0.3)
    blinks = np.cumsum(rng.uniform(0.8, 3.0, 8))

    def blink(seconds: float) -> float:
        return float(np.exp(-(((seconds - blinks) / 0.07) ** 2)).max())

    shapes = {"jawOpen": speech, "mouthFunnel": lips, "mouthSmile": smile, "eyeBlink": blink}
    return Motion(angles, shift, shapes)


def _wave(rng: Rng, most: float, hertz: float = 0.35) -> Curve:
    """A smooth curve through 0 at 0 s that stays within `most`."""
    rates, phases = hertz * rng.uniform(0.6, 1.7, 3), rng.uniform(0, 2 * np.pi, 3)

    def curve(seconds: float) -> float:
        if seconds <= 0:
            return 0.0
        begun = min(seconds / 0.4, 1.0) ** 2
        return float(most * begun * np.mean(np.sin(2 * np.pi * rates * seconds + phases)))

    return curve


def generate_clips(
    out: Path,
    count: int,
    plan: Plan,
    assets: Path,
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> int:
    """Render the clips 0 to `count` - 1 that a folder lacks; see `sdfl.train.synthetic.generate.generate`.

    Args:
        out: the folder.
        count: of clips that it holds in the end.
        plan: what they are made with; the size of faces does not count.
        assets: folder of the models.
        workers: processes that render, one thread each.
        progress: wraps the finished clips.

    Returns:
        How many clips were rendered now.

    Raises:
        SdflError: see `generate`.
    """
    require_within("--clips", count, 1, 1_000_000)
    require_within("--workers", workers, 1, 512)
    claim(out, plan)
    return render_missing(_clip, _label, out, count, plan, assets, workers=workers, progress=progress)


def _label(out: Path, number: int) -> Path:
    return out / "clips" / f"{number:06d}.jsonl"


def _clip(out: Path, number: int) -> None:
    """Render one clip in a process of the pool; frames at rest are one picture with different noise."""
    worker = loaded()
    rng = np.random.default_rng([worker.plan.seed, number, 1])
    person, motion, light = draw_person(rng), draw_motion(rng), draw_light(rng)
    distance, look = float(rng.uniform(60, 150)), int(rng.integers(2**31))
    panorama = worker.renderer.backdrop(light.world % len(worker.renderer.worlds))
    background = draw_background(rng, SIZE, panorama, worker.pictures)
    lines, render = [], None
    with Recorder(out / "clips" / f"{number:06d}.mp4", FPS) as recorder:
        for frame in range(STILL_FRAMES + round(SECONDS * FPS)):
            seconds = (frame - STILL_FRAMES) / FPS
            pose, (right, up), weights = motion.at(seconds)
            if render is None or seconds > 0:
                built = worker.studio.build(person, weights, pose, "none")
                camera = Camera((right, up + 1.0, 8.0), distance, distance * _FACE_PX / 15, SIZE)
                scene = Scene(camera, light, built.surfaces, built.strands)
                record = labels(worker.studio, built, pose, scene)
                render = worker.renderer.render(scene)
            picture = photograph(render, background, record, person.tone, np.random.default_rng(look), frame)
            recorder.write(picture, frame / FPS)
            lines.append(json.dumps(truth(frame, record), separators=(",", ":")) + "\n")
    with atomic_path(_label(out, number)) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def truth(frame: int, record: dict[str, Any]) -> dict[str, Any]:
    """The line of one frame, with the keys of `sdfl track --jsonl` and both layouts.

    Args:
        frame: its index.
        record: what `sdfl.train.synthetic.shot.labels` gives.
    """
    box = landmark_box(np.array(record["points_68"], np.float32))
    face = {"id": 1, "box": np.round(box, 2).astype(float).tolist(), "points": record["points_68"]}
    rest = {key: record[key] for key in ("pose", "visible_68", "points_98", "visible_98")}
    return {"frame": frame, "timestamp_s": round(frame / FPS, 4), "faces": [face | rest]}
