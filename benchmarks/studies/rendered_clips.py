"""How well trackers follow a head that turns, speaks and blinks: clips of `sdfl synth --clips`, whose points are known.

The clips of `sdfl.benchmarks.video` are made from stills: their faces are stiff. Here lips and lids move, too. Every
clip begins with STILL_FRAMES frames at rest. What a tracker always does otherwise than the labels counts in no measure:
its mean offset at rest is turned and scaled with the head, and subtracted. On a turned head that offset is another one,
so that errors say less about a single tracker than about the difference of two.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.benchmarks.suite import ModelEntry, load_suite, parse_peer
from sdfl.benchmarks.targets import Target, targets_of
from sdfl.benchmarks.video.clips import FPS, STILL_FRAMES
from sdfl.benchmarks.video.metrics import SETTLE
from sdfl.benchmarks.worker import Worker, write_frames
from sdfl.errors import DataError, SdflError
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.runtime.sources import VideoSource

LAGS_FRAMES = np.arange(-20, 101) * 0.1
LABELLED = ("ibug68", "wflw98")  # the layouts that clips have labels of


@dataclass(frozen=True)
class Score:
    """How well one tracker followed the clips, means over them.

    Attributes:
        name: of the tracker.
        lost_percent: frames without a face.
        jitter_percent: mean distance of a point at rest from its place a frame before, over the inter-ocular distance.
        error_percent: mean error of the visible points while the head moves, over the inter-ocular distance at rest.
        eyes_percent: likewise, of the points of the eyes alone.
        mouth_percent: likewise, of those of the mouth.
        lag_ms: the delay of the truth with which `error_percent` is smallest.
    """

    name: str
    lost_percent: float
    jitter_percent: float
    error_percent: float
    eyes_percent: float
    mouth_percent: float
    lag_ms: float


MEASURES = tuple(field.name for field in fields(Score))[1:]


@dataclass(frozen=True, eq=False)
class Truth:
    """The points of one clip.

    Attributes:
        points: (T, N, 2) px.
        visible: (T, N).
        layout: of the points.
    """

    points: npt.NDArray[np.float64]
    visible: npt.NDArray[np.bool_]
    layout: str


def study(folder: Path, models: Sequence[str], peers: Sequence[str] = ()) -> list[Score]:
    """Let every tracker follow every clip.

    Args:
        folder: that `sdfl synth --clips` wrote.
        models: names of models, or files.
        peers: other projects' trackers, as for `sdfl bench --peer`.

    Returns:
        A score for each, in this order.

    Raises:
        DataError: there is no clip, or its labels are damaged.
        SdflError: a tracker cannot be opened, or has points that the clips have no labels of.
    """
    clips = sorted((folder / "clips").glob("*.jsonl"))
    if not clips:
        raise DataError(f"{folder}/clips: holds no clip; render some with `sdfl synth -o {folder} --clips 3`")
    suite = load_suite("peers")
    entries = tuple(ModelEntry(model, ("openvino",), ("f32",)) for model in models)
    targets = targets_of(replace(suite, model=entries, peer=tuple(map(parse_peer, peers))))
    if problem := next((target.problem for target in targets if target.problem), ""):
        raise SdflError(problem)
    with tempfile.TemporaryDirectory(prefix="sdfl-clips-") as raw:
        tables = [_raw_clip(clip.with_suffix(".mp4"), Path(raw)) for clip in clips]
        return [_followed(target, clips, tables) for target in targets]


def _raw_clip(path: Path, folder: Path) -> dict[str, Any]:
    with VideoSource(path) as source:
        return write_frames(source, folder / f"{path.stem}.bgr", FPS)


def _followed(target: Target, clips: Sequence[Path], tables: Sequence[dict[str, Any]]) -> Score:
    scores = []
    with Worker(target.adapter, python=target.python, threads=1) as worker:
        layout = worker.ask("open", options=target.options | {"threads": 1})["layout"]
        if layout not in LABELLED:
            raise SdflError(
                f"{target.subject.name}: has {layout} points; clips have labels of {' and '.join(LABELLED)}"
            )
        for clip, table in zip(clips, tables, strict=True):
            faces = worker.ask("track", clip=table, start=0, count=table["frames"], max_faces=1)["faces"]
            found = [np.asarray(each[0], float) if each else None for each in faces]
            scores.append(score(target.subject.name, found, read_truth(clip, layout)))
    numbers = [_mean(np.array([getattr(each, key) for each in scores])) for key in MEASURES]
    return Score(target.subject.name, *numbers)


def read_truth(path: Path, layout: str) -> Truth:
    """Read the labels of a clip.

    Args:
        path: its .jsonl file.
        layout: of the points that are wanted.

    Raises:
        DataError: the file cannot be read, or is no such file.
    """
    count = get_layout(layout).num_points
    keys = ("points" if layout == LABELLED[0] else f"points_{count}", f"visible_{count}")
    try:
        faces = [json.loads(line)["faces"][0] for line in path.read_text(encoding="utf-8").splitlines()]
        if not faces:
            raise ValueError(path)
        points, visible = (np.array([face[key] for face in faces]) for key in keys)
        return Truth(
            points.astype(float).reshape(len(faces), count, 2), visible.reshape(-1, count).astype(bool), layout
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{path}: does not hold the labels of a clip; render it again") from error


def score(name: str, found: Sequence[npt.NDArray[np.float64] | None], truth: Truth) -> Score:
    """Compare what a tracker reported in one clip with the truth.

    Args:
        name: of the tracker.
        found: (N, 2) px for each frame, None where it reported no face.
        truth: of as many frames.

    Raises:
        SdflError: the face was not followed at rest.
    """
    layout = get_layout(truth.layout)
    if len(found) != len(truth.points):
        raise DataError(f"{name}: the clip has {len(found)} frames and {len(truth.points)} lines of labels")
    rest = [each for each in found[SETTLE:STILL_FRAMES] if each is not None]
    if len(rest) < 2:
        raise SdflError(f"{name}: does not find the face at rest")
    size = float(inter_ocular(truth.points[0], layout))
    offset = _as_complex(np.mean(rest, axis=0) - truth.points[0])
    true = _as_complex(truth.points)
    turned = true + offset * _turns(true)[:, None]
    frames = np.array([i for i in range(STILL_FRAMES, len(found)) if found[i] is not None], int)
    if not len(frames):
        raise SdflError(f"{name}: does not find the face while it moves")
    seen = _as_complex(np.stack([found[i] for i in frames]))
    shown = truth.visible[frames]

    def errors(lag_frames: float) -> npt.NDArray[np.float64]:
        late = np.clip(frames - lag_frames, 0, len(found) - 1)
        before = np.floor(late).astype(int)
        after = np.minimum(before + 1, len(found) - 1)
        share = (late - before)[:, None]
        wanted = turned[before] * (1 - share) + turned[after] * share
        return np.where(shown, 100 * np.abs(seen - wanted) / size, np.nan)

    now = errors(0.0)
    eyes, mouth = ([*layout.parts["left_eye"], *layout.parts["right_eye"]], list(layout.parts["mouth"]))
    best = LAGS_FRAMES[int(np.argmin([_mean(errors(lag)) for lag in LAGS_FRAMES]))]
    return Score(
        name,
        lost_percent=100 * float(np.mean([each is None for each in found[SETTLE:]])),
        jitter_percent=100 * float(np.abs(np.diff(_as_complex(np.stack(rest)), axis=0)).mean()) / size,
        error_percent=_mean(now),
        eyes_percent=_mean(now[:, eyes]),
        mouth_percent=_mean(now[:, mouth]),
        lag_ms=1000 * float(best) / FPS,
    )


def _mean(errors: npt.NDArray[np.float64]) -> float:
    """Mean of the errors of visible points, NaN where none is."""
    shown = errors[~np.isnan(errors)]
    return float(shown.mean()) if len(shown) else float("nan")


def _as_complex(points: npt.NDArray[np.float64]) -> npt.NDArray[np.complex128]:
    return np.asarray(points[..., 0] + 1j * points[..., 1])


def _turns(points: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
    """(T,), by how much (T, N) points are scaled and turned against those of the first frame."""
    flat = points - points.mean(axis=1, keepdims=True)
    return np.asarray(flat @ flat[0].conj() / np.vdot(flat[0], flat[0]).real)


def as_markdown(scores: Sequence[Score]) -> str:
    """A table of the scores."""
    lines = ["| | frames lost % | jitter % | error % | eyes % | mouth % | lag ms |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {each.name} | {each.lost_percent:.1f} | {each.jitter_percent:.3f} | {each.error_percent:.2f} "
        f"| {each.eyes_percent:.2f} | {each.mouth_percent:.2f} | {each.lag_ms:.0f} |"
        for each in scores
    ]
    return "\n".join(lines)
