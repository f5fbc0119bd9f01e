"""Jitter against lag of the smoothing's parameters: how the defaults of `sdfl.runtime.tracking.smoothing` were chosen.

    python -m sdfl.benchmarks.studies.smoothing --data 300w/afw [--model NAME] [--records records.jsonl --plot FILE.png]

The network's own points drive the tracker, so smoothing changes nothing before it: clips are tracked once, then every
setting filters the same points. Clips from stills have stiff faces; what speech and blinks lose is measured by moving
the recorded lips and lids by a known amount. Choose on AFW or HELEN train, never on HELEN test.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sdfl.benchmarks.records import read_records
from sdfl.benchmarks.video.clips import FPS, SIZE, STILL_FRAMES, Clip, Still, make_clip
from sdfl.benchmarks.video.metrics import SETTLE, Seen, measure_clip
from sdfl.benchmarks.video.stills import labelled_stills
from sdfl.datasets import find_samples
from sdfl.files import atomic_path
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.tracking.smoothing import LowPass, Smoother, Smoothing
from sdfl.types import FloatArray, Frame

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
    """One clip and what the network said. points: (N, 2) px, spread: (N,), one a frame."""

    clip: Clip
    points: list[FloatArray] = field(default_factory=list)
    spread: list[FloatArray] = field(default_factory=list)

    def update(self, points: FloatArray, spread: FloatArray, now_s: float) -> FloatArray:  # noqa: ARG002
        """In place of `Smoother.update`."""
        self.points.append(points)
        self.spread.append(spread)
        return points


def record(landmarker: FaceLandmarker, stills: Sequence[Still]) -> Iterator[Recording]:
    """Track every scene of every still; clips in which the face was lost are left out."""
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
    """Means over the recordings. None: unsmoothed."""
    found: dict[str, list[float]] = {}
    for each in recordings:
        points = filtered(each, each.points, smoothing)
        result = measure_clip(each.clip, [[Seen(1, p)] for p in points], "ibug68")
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
    if smoothing is None:
        return points
    smoother = Smoother(smoothing)
    return [smoother.update(p, s, index / FPS) for index, (p, s) in enumerate(zip(points, each.spread, strict=True))]


def expression(each: Recording, steady: Sequence[FloatArray], smoothing: Smoothing | None) -> dict[str, float]:
    """What is left, in percent, of lips and lids moved by a known amount, and how deep a blink goes (1 is right)."""
    rest = np.mean(steady[SETTLE:STILL_FRAMES], axis=0)
    d = float(np.linalg.norm(rest[36] - rest[45]))
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


def table(rows: Sequence[tuple[str, dict[str, float]]]) -> str:
    """Markdown."""
    lines = ["| | " + " | ".join(title for title, _, _ in COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, row in rows:
        lines.append(f"| {name} | " + " | ".join(f"{row[key]:.{digits}f}" for _, key, digits in COLUMNS) + " |")
    return "\n".join(lines)


def plot(rows: Sequence[tuple[str, dict[str, float]]], peers: Sequence[tuple[str, dict[str, Any]]], out: Path) -> None:
    """The curve of the stiffness, and others' points beside it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.2, 4.2), layout="constrained")
    axes = figure.subplots()
    curve = [row for name, row in rows if name.startswith("cutoffs")]
    axes.plot([r["lag_ms"] for r in curve], [r["jitter_percent"] for r in curve], "o-", label="cutoffs x 0.1 to 8")
    for name, row in [(name, row) for name, row in rows if name in ("unsmoothed", "cutoffs x 1")] + list(peers):
        axes.plot(row["lag_ms"], row["jitter_percent"], "s", label="default" if name == "cutoffs x 1" else name)
    axes.set(xlabel="lag, ms", ylabel="jitter, % of inter-ocular", yscale="log")
    axes.legend(frameon=False)
    with atomic_path(out) as temporary:
        figure.savefig(temporary, dpi=120, format=out.suffix[1:])


def peers_of(path: Path | None) -> list[tuple[str, dict[str, Any]]]:
    """Names and results of the peers' video records in a file that `sdfl bench` wrote."""
    found = read_records([path]).records if path else ()
    return [(r.subject.name, r.result) for r in found if r.kind == "video" and r.subject.peer and not r.error]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True, help="folder of labelled pictures")
    parser.add_argument("--model", help="zoo name or .onnx file")
    parser.add_argument("--clips", type=int, default=6, help="how many pictures")
    parser.add_argument("--records", type=Path, help="what sdfl bench wrote, for the peers' points")
    parser.add_argument("--plot", type=Path, help="picture to draw (.png, .svg)")
    options = parser.parse_args()
    landmarker = FaceLandmarker(options.model, threads=1)
    recordings = list(record(landmarker, labelled_stills(find_samples(Path(options.data)), options.clips)))
    rows = [(name, measure(recordings, smoothing)) for name, smoothing in settings()]
    print(table(rows))
    if options.plot:
        plot(rows, peers_of(options.records), options.plot)


if __name__ == "__main__":
    main()
