"""Results as text: one JSON object a frame, or one CSV row a face; what `sdfl track` writes."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TextIO

from sdfl.head_pose import head_pose, openness
from sdfl.runtime.live.pipeline import Result
from sdfl.types import Face

ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")
OPEN = ("left_eye_open", "right_eye_open", "mouth_open")


def to_json_line(result: Result, *, start_s: float) -> str:
    """The line for one frame, without a line break. start_s: the timestamp that counts as 0."""
    record = {
        "frame": result.frame.index,
        "timestamp_s": round(result.frame.timestamp_s - start_s, 4),
        "ms": round(result.ms, 2),
        "faces": [_face(face) for face in result.faces],
    }
    return json.dumps(record, separators=(",", ":"))


@lru_cache(maxsize=32)  # the same face goes into a line and a row, and its pose costs as much as tracking it
def _face(face: Face) -> dict[str, object]:
    return {
        "id": face.id,
        "box": [round(value, 2) for value in face.box.xyxy.tolist()],
        "points": [[round(x, 2), round(y, 2)] for x, y in face.landmarks.points.tolist()],
        "presence": round(face.presence, 4),
        **_expression(face),
    }


def _expression(face: Face) -> dict[str, object]:
    """Head pose and openness, where the layout has the points."""
    pose, opened = head_pose(face.landmarks), openness(face.landmarks)
    found: dict[str, object] = {}
    if pose is not None:
        found["pose"] = {name: round(getattr(pose, name), 2) for name in ANGLES}
    if opened is not None:
        values = (*opened.eyes, opened.mouth)
        found |= {name: round(value, 4) for name, value in zip(OPEN, values, strict=True)}
    return found


class CsvWriter:
    """One row a face; a frame without any has none. Columns: frame, time, id, presence, box, angles, openness, then x0,
    y0, x1, ... px; what a layout does not give is left empty."""

    def __init__(self, file: TextIO, num_points: int) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        points = [f"{axis}{index}" for index in range(num_points) for axis in "xy"]
        box = ("left", "top", "right", "bottom")
        self._writer.writerow(["frame", "timestamp_s", "id", "presence", *box, *ANGLES, *OPEN, *points])

    def write(self, result: Result, *, start_s: float) -> None:
        """start_s: the timestamp that counts as 0."""
        head = [result.frame.index, round(result.frame.timestamp_s - start_s, 4)]
        self._writer.writerows([*head, *_row(face)] for face in result.faces)


def _row(face: Face) -> Iterator[object]:
    table = _face(face)
    yield from (table["id"], table["presence"])
    yield from face.box.xyxy.round(2).tolist()
    pose = table.get("pose") or {}
    assert isinstance(pose, dict)
    yield from (pose.get(name, "") for name in ANGLES)
    yield from (table.get(name, "") for name in OPEN)
    yield from face.landmarks.points.round(2).ravel().tolist()
