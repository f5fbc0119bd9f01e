"""Joining the segments of a video: faces that two of them share keep the id of the earlier one."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.geometry import box_iou
from sdfl.runtime.archive.dataset import Dataset
from sdfl.runtime.archive.rows import GROUP_ROWS, RowWriter, load_pyarrow, read_about
from sdfl.runtime.archive.settings import Settings
from sdfl.runtime.archive.videos import Video

SAME_IOU = 0.5  # of boxes of one face in one frame, in two segments

Seen = dict[int, dict[int, Any]]  # frame -> id -> box


def join(dataset: Dataset, video: Video, count: int, settings: Settings) -> bool:
    """Join the segments of a video into one file where all are there, and remove them.

    Whoever labels the last segment does it. Two may do so at the same time: they write the same.

    Args:
        dataset: of the video.
        video: of the segments.
        count: of its segments.
        settings: of the dataset.

    Returns:
        Whether the video is done.

    Raises:
        WriteError: the disk does not take the file.
    """
    parts = [dataset.part_of(video, number) for number in range(count)]
    if not all(part.exists() for part in parts):
        return dataset.file_of(video).exists()
    try:
        with (
            dataset.new_file(dataset.file_of(video)) as path,
            RowWriter(path, video.shown, settings.num_points) as rows,
        ):
            abouts = [read_about(part) for part in parts]
            _copy(parts, abouts, rows)
            rows.finish(_about(abouts, rows.rows) | {"settings": asdict(settings)})
    except FileNotFoundError:
        if not dataset.file_of(video).exists():  # nobody was faster
            raise
    shutil.rmtree(dataset.parts_of(video), ignore_errors=True)
    return True


def _copy(parts: list[Path], abouts: list[dict[str, Any]], rows: RowWriter) -> None:
    arrow, parquet = load_pyarrow()
    next_id = 1
    tail: Seen = {}
    for number, (part, about) in enumerate(zip(parts, abouts, strict=True)):
        begin = about["begin"]
        until = abouts[number + 1]["warm_up"] if number + 1 < len(parts) else None
        ids = _same_faces(tail, _faces(part, about["warm_up"], begin)) if number else {}
        tail = {}
        with parquet.ParquetFile(part) as file:
            for batch in file.iter_batches(GROUP_ROWS):
                table = arrow.Table.from_batches([batch])
                table = table.filter(arrow.compute.greater_equal(table["frame"], begin))
                for old in table["id"].to_pylist():
                    if old not in ids:
                        ids[old], next_id = next_id, next_id + 1
                table = _with_ids(arrow, table, ids)
                rows.add_table(table)
                if until is not None:
                    _collect(tail, table.filter(arrow.compute.greater_equal(table["frame"], until)))


def _with_ids(arrow: Any, table: Any, ids: dict[int, int]) -> Any:
    new = arrow.array([ids[old] for old in table["id"].to_pylist()], arrow.int32())
    return table.set_column(table.schema.get_field_index("id"), "id", new).sort_by(
        [("frame", "ascending"), ("id", "ascending")]
    )


def _faces(part: Path, begin: int, end: int) -> Seen:
    """The faces of the frames from `begin` up to `end`."""
    _, parquet = load_pyarrow()
    table = parquet.read_table(
        part, columns=["frame", "id", "box"], filters=[("frame", ">=", begin), ("frame", "<", end)]
    )
    seen: Seen = {}
    _collect(seen, table)
    return seen


def _collect(seen: Seen, table: Any) -> None:
    boxes = table["box"].to_pylist()
    for frame, face, box in zip(table["frame"].to_pylist(), table["id"].to_pylist(), boxes, strict=True):
        seen.setdefault(frame, {})[face] = np.array(box, np.float32)


def _same_faces(before: Seen, after: Seen) -> dict[int, int]:
    """Id after the seam -> id before it, for the faces that both segments have seen in the same place, most often."""
    votes: Counter[tuple[int, int]] = Counter()
    for frame, faces in after.items():
        for new, box in faces.items():
            for old, other in before.get(frame, {}).items():
                if box_iou(box, other) >= SAME_IOU:
                    votes[new, old] += 1
    ids: dict[int, int] = {}
    for (new, old), _ in votes.most_common():
        if new not in ids and old not in ids.values():
            ids[new] = old
    return ids


def _about(abouts: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    """What the whole video's file says, from what its segments' say."""
    whole = {key: value for key, value in abouts[0].items() if key not in ("begin", "warm_up")}
    return whole | {
        "rows": rows,
        "frames": sum(about["frames"] for about in abouts),
        "duration_s": sum(about["duration_s"] for about in abouts),
        "labelling_s": round(sum(about["labelling_s"] for about in abouts), 3),
        "remarks": [remark for about in abouts for remark in about["remarks"]],
    }
