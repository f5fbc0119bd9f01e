"""How well a tracker follows the faces of a clip. Lengths are in percent of d, the inter-ocular distance of q.

q is the mean prediction in the frames at rest at the beginning of the clip; T(t) is the known motion from there to
frame t.

jitter        mean over frames and points of |p(t) - p(t-1)| / d of a face at rest
rms           root mean square distance from q of a face at rest; a dead band would lower the jitter, but not this
motion error  mean of |T(t)^-1 p(t) - q| / d
lag           the shift of T in time at which the motion error is smallest
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sdfl.benchmarks.video.clips import FPS, STILL_FRAMES, Clip
from sdfl.geometry import box_iou, invert_affine, landmark_box, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.types import FloatArray

SETTLE = 10  # frames at the beginning that do not count
IN_VIEW, OUT_OF_VIEW = 0.7, 0.1  # share shown: from here on a face must, and must not any more, be found
GRACE_FRAMES = 3  # in which a face that is gone may still be reported
TRUE_FACE_IOU = 0.2  # least overlap of a reported face with the true one
LAGS_FRAMES = np.arange(-40, 200) * 0.05
NO_LAG = 40  # its place in LAGS_FRAMES


@dataclass(frozen=True)
class ReportedFace:
    """One face that a tracker reports in a frame.

    Attributes:
        id: None if the tracker gives none.
        points: (N, 2) px.
    """

    id: int | None
    points: FloatArray


@dataclass(frozen=True, eq=False)
class FaceHistory:
    """What was reported of one true face in the T frames of a clip.

    Attributes:
        points: (T, N, 2) px, NaN in frames in which the face was not reported.
        ids: (T,), -1 in those frames.
    """

    points: FloatArray
    ids: npt.NDArray[np.int64]

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(T,), in which frames it was reported."""
        return self.ids >= 0


def match(clip: Clip, frames: Sequence[Sequence[ReportedFace]], num_points: int) -> tuple[list[FaceHistory], int]:
    """Assign reported faces to true ones.

    Args:
        clip: the truth.
        frames: the reported faces of each frame.
        num_points: of a face.

    Returns:
        What was reported of each true face; and the number of false faces: those that lay on no face that is in view,
        or was GRACE_FRAMES ago.
    """
    points = np.full((len(clip.faces), len(frames), num_points, 2), np.nan, np.float32)
    ids = np.full((len(clip.faces), len(frames)), -1, np.int64)
    false_faces = 0
    for index, reported in enumerate(frames):
        boxes = clip.boxes(index)
        lately = clip.shown[:, max(0, index - GRACE_FRAMES) : index + 1].max(axis=1, initial=0.0)
        rest = list(enumerate(reported))
        for face in sorted(clip.faces, key=lambda f: -clip.shown[f, index]):
            overlap = [box_iou(landmark_box(found.points), boxes[face]) for _, found in rest]
            if overlap and max(overlap) > TRUE_FACE_IOU:
                place, found = rest.pop(int(np.argmax(overlap)))
                points[face, index] = found.points
                ids[face, index] = place if found.id is None else found.id
                false_faces += bool(lately[face] <= OUT_OF_VIEW)
        false_faces += len(rest)
    return [FaceHistory(p, i) for p, i in zip(points, ids, strict=True)], false_faces


def measure_clip(clip: Clip, frames: Sequence[Sequence[ReportedFace]], layout: str) -> dict[str, Any]:
    """Measure one clip.

    Args:
        clip: the truth.
        frames: the reported faces of each frame.
        layout: of their points.

    Returns:
        Measures by name; those that this clip cannot tell are left out.
    """
    histories, false_faces = match(clip, frames, get_layout(layout).num_points)
    result: dict[str, Any] = {"false_faces": false_faces}
    if histories:
        result |= _followed(clip, histories)
    if len(histories) == 1 and clip.shown.min() > IN_VIEW:
        result |= _moved(clip, histories[0], layout)
    return result


def _followed(clip: Clip, histories: Sequence[FaceHistory]) -> dict[str, Any]:
    """Frames lost, identities, and times to lose and to find again, in frames."""
    wanted = clip.shown >= IN_VIEW
    wanted[:, :SETTLE] = False
    found = np.stack([history.found for history in histories])
    lose, again = [], []
    for shown, there in zip(clip.shown, found, strict=True):
        gone = _first(shown <= OUT_OF_VIEW, 0)
        if gone is None:
            continue
        lost = _first(~there, gone)
        lose.append((len(shown) if lost is None else lost) - gone)
        back = _first(shown >= IN_VIEW, gone)
        if back is not None:
            found_at = _first(there, back)
            again.append((len(shown) if found_at is None else found_at) - back)
    result: dict[str, Any] = {
        "frames_wanted": int(wanted.sum()),
        "frames_lost": int((wanted & ~found).sum()),
        "identity_switches": sum(
            _switches(history.ids[shown >= IN_VIEW]) for history, shown in zip(histories, clip.shown, strict=True)
        ),
    }
    return result | ({"lose_frames": max(lose)} if lose else {}) | ({"reacquire_frames": max(again)} if again else {})


def _switches(ids: npt.NDArray[np.int64]) -> int:
    """How often a face's id changes between two frames in which it was found."""
    given = ids[ids >= 0]
    return int((given[1:] != given[:-1]).sum())


def _moved(clip: Clip, history: FaceHistory, layout: str) -> dict[str, Any]:
    """Jitter and motion error of a face that is always in view; nothing where its beginning was missed."""
    begin = slice(SETTLE, STILL_FRAMES)
    if not history.found[begin].all():
        return {}
    rest = transform_points(invert_affine(clip.place(0, 0)), history.points[begin].mean(axis=0))
    d = float(inter_ocular(rest, get_layout(layout)))
    frames = np.flatnonzero(history.found & (np.arange(clip.num_frames) >= STILL_FRAMES))
    points = history.points[frames]
    if clip.still:
        d_px = d * np.linalg.norm(clip.place(0, 0)[:, 0])
        steps, stray = np.diff(history.points[STILL_FRAMES:], axis=0), points - history.points[begin].mean(axis=0)
        return {
            "jitter_percent": 100 * float(np.nanmean(np.linalg.norm(steps, axis=-1)) / d_px),
            "rms_percent": 100 * float(np.sqrt((stray.astype(np.float64) ** 2).sum(axis=-1).mean()) / d_px),
        }
    errors = motion_errors(clip, frames, points, rest) / d
    best = int(np.argmin(errors))
    return {
        "motion_error_percent": 100 * float(errors[NO_LAG]),
        "lag_ms": float(LAGS_FRAMES[best]) * 1000 / FPS,
        "error_without_lag_percent": 100 * float(errors[best]),
    }


def motion_errors(clip: Clip, frames: npt.NDArray[np.int64], points: FloatArray, rest: FloatArray) -> FloatArray:
    """Errors under the assumption that the points lag behind by each of LAGS_FRAMES.

    Args:
        clip: the motion.
        frames: (K,) indices of the frames to compare.
        points: (K, N, 2) frame px.
        rest: (N, 2) px of the still picture.

    Returns:
        (L,) mean distances, px of the still picture.
    """
    back = _ways_back(clip)[:, frames]
    errors = []
    for way in back:
        returned = np.einsum("tij,tnj->tni", way[:, :, :2], points) + way[:, None, :, 2]
        errors.append(np.linalg.norm(returned - rest, axis=-1).mean())
    return np.asarray(errors, np.float32)


@lru_cache(maxsize=64)
def _ways_back(clip: Clip) -> FloatArray:
    """(L, T, 2, 3) affines frame px -> still px, for every lag and frame."""
    frames = range(clip.num_frames)
    return np.stack([[invert_affine(clip.place(0, frame - lag)) for frame in frames] for lag in LAGS_FRAMES])


def _first(flags: npt.NDArray[np.bool_], start: int) -> int | None:
    """Index of the first True from `start` on."""
    places = np.flatnonzero(flags[start:])
    return int(places[0]) + start if len(places) else None
