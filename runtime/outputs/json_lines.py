"""Results as JSON lines: one object per frame."""

from __future__ import annotations

import json

from sdfl.runtime.results import Result


def to_json_line(result: Result, *, start_s: float, source: str | None = None) -> str:
    """The line for one frame, without a line break.

    Args:
        result: the tracked frame; each of its faces is written as `Face.to_dict` gives it.
        start_s: the timestamp that counts as 0.
        source: name of the source, where there are several; a picture's own file has precedence.
    """
    frame = result.frame
    named = source if frame.source is None else str(frame.source)
    record = {
        "frame": frame.index,
        "timestamp_s": round(frame.timestamp_s - start_s, 4),
        **({} if named is None else {"source": named}),
        "ms": round(result.ms, 2),
        "faces": [face.to_dict() for face in result.faces],
    }
    return json.dumps(record, separators=(",", ":"))
