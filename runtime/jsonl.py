"""One JSON object a frame: what `sdfl track` prints."""

from __future__ import annotations

import json

from sdfl.core import Face
from sdfl.runtime.pipeline import Result


def to_json_line(result: Result, *, start_s: float) -> str:
    """The line for one frame, without a line break. start_s: the timestamp that counts as 0."""
    record = {
        "frame": result.frame.index,
        "timestamp_s": round(result.frame.timestamp_s - start_s, 4),
        "ms": round(result.ms, 2),
        "faces": [_face(face) for face in result.faces],
    }
    return json.dumps(record, separators=(",", ":"))


def _face(face: Face) -> dict[str, object]:
    return {
        "id": face.id,
        "box": [round(value, 2) for value in face.box.xyxy.tolist()],
        "points": [[round(x, 2), round(y, 2)] for x, y in face.landmarks.points.tolist()],
        "presence": round(face.presence, 4),
    }
