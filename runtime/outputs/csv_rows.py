"""Results as CSV: one row per face."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from sdfl.runtime.results import Result
from sdfl.types import Face

ANGLES = ("yaw_deg", "pitch_deg", "roll_deg")
OPENNESS = ("left_eye_open", "right_eye_open", "mouth_open")


class CsvWriter:
    """Writes one row for each face; a frame without faces has none.

    Columns: frame, timestamp, source, id, presence, box, angles of the head, openness of eyes and mouth, then x0, y0,
    x1 and so on in frame px. The source is the file of a picture, or the name of one of several sources. What a layout
    does not tell is left empty, and so is the source of a single video.

    Args:
        file: open for writing text.
        num_points: of the model's layout.
    """

    def __init__(self, file: TextIO, num_points: int) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        points = [f"{axis}{index}" for index in range(num_points) for axis in "xy"]
        box = ("left", "top", "right", "bottom")
        self._writer.writerow(["frame", "timestamp_s", "source", "id", "presence", *box, *ANGLES, *OPENNESS, *points])

    def write(self, result: Result, *, start_s: float, source: str | None = None) -> None:
        """Add the faces of one frame.

        Args:
            result: the tracked frame.
            start_s: the timestamp that counts as 0.
            source: name of the source, where there are several; a picture's own file has precedence.
        """
        frame = result.frame
        head = [frame.index, round(frame.timestamp_s - start_s, 4), frame.source or source or ""]
        self._writer.writerows([*head, *_row(face)] for face in result.faces)


def _row(face: Face) -> Iterator[object]:
    table = face.to_dict()
    yield from (table["id"], table["presence"], *table["box"])
    pose = table.get("pose", {})
    yield from (pose.get(name, "") for name in ANGLES)
    yield from (table.get(name, "") for name in OPENNESS)
    yield from (value for point in table["points"] for value in point)
