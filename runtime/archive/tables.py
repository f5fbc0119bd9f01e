"""The tables beside the faces: one row for each video that is done, one for each that failed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sdfl.runtime.archive.dataset import SUFFIX, Dataset
from sdfl.runtime.archive.rows import load_pyarrow, read_about
from sdfl.runtime.archive.videos import key_of

READERS = 16  # threads, for the ends of many small files on a network disk
VIDEOS, FAILURES = "videos.parquet", "failures.parquet"


def _columns(arrow: Any) -> dict[str, Any]:
    """File -> its columns."""
    text, whole, number = arrow.string(), arrow.int64(), arrow.float64()
    videos = [
        ("video", text), ("file", text), ("frames", whole), ("rows", whole), ("duration_s", number), ("fps", number),
        ("width", arrow.int32()), ("height", arrow.int32()), ("size_bytes", whole), ("modified", text),
        ("labelling_s", number), ("remarks", arrow.list_(text)),
    ]  # fmt: skip
    return {
        VIDEOS: arrow.schema(videos),
        FAILURES: arrow.schema([("video", text), ("name", text), ("reason", text)]),
    }


def write_videos(dataset: Dataset) -> None:
    """Bring the table of videos up to date; only the ends of files that are new are read.

    Raises:
        WriteError: the disk does not take it.
        DataError: a file of the dataset is damaged.
    """
    names = dataset.names()
    known = {row["file"]: row for row in _read(dataset.root / VIDEOS)}
    rows = [row for file, row in known.items() if file[: -len(SUFFIX)] in names]
    new = sorted(names - {row["file"][: -len(SUFFIX)] for row in rows})
    with ThreadPoolExecutor(READERS) as pool:
        abouts = pool.map(read_about, [dataset.faces / f"{name}{SUFFIX}" for name in new])
        rows += [about | {"file": f"{name}{SUFFIX}"} for name, about in zip(new, abouts, strict=True)]
    _write(dataset, VIDEOS, sorted(rows, key=lambda row: (row["video"], row["file"])))


def read_failures(dataset: Dataset) -> dict[str, dict[str, str]]:
    """Name of a video -> its row in the table of failures."""
    return {row["name"]: row for row in _read(dataset.root / FAILURES)}


def write_failures(dataset: Dataset, failures: Iterable[dict[str, str]]) -> None:
    """Write the table of failures; videos that are done, also in another state of their file, are left out.

    Raises:
        WriteError: the disk does not take it.
    """
    done = {key_of(name) for name in dataset.names()}
    rows = [row for row in failures if key_of(row["name"]) not in done]
    _write(dataset, FAILURES, sorted(rows, key=lambda row: row["video"]))


def _read(path: Path) -> list[dict[str, Any]]:
    _, parquet = load_pyarrow()
    if not path.exists():
        return []
    with parquet.ParquetFile(path) as file:
        return list(file.read().to_pylist())


def _write(dataset: Dataset, file: str, rows: list[dict[str, Any]]) -> None:
    arrow, parquet = load_pyarrow()
    with dataset.new_file(dataset.root / file) as path, path.open("wb") as opened:
        parquet.write_table(arrow.Table.from_pylist(rows, schema=_columns(arrow)[file]), opened, compression="zstd")
