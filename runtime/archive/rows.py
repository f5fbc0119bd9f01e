"""The rows of the dataset: one for each face of each frame, written in groups so that memory stays bounded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sdfl.errors import DataError, MissingDependency
from sdfl.types import Face, Frame

GROUP_ROWS = 8192  # 5 MB before compression
STEP_PX = 1 / 128  # coordinates are rounded to this; a fifth of the jitter of a still face that is 100 px wide
ANGLES = ("yaw", "pitch", "roll")
OPENNESS = ("left_eye", "right_eye", "mouth")
METADATA = b"sdfl"  # key of what a file says about itself, as JSON


def load_pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependency("pyarrow", extra="cluster") from error
    return pyarrow, pyarrow.parquet


def schema(num_points: int) -> Any:
    """The columns; `docs/reference/dataset.md` describes them.

    Args:
        num_points: of the model's layout.
    """
    arrow, _ = load_pyarrow()
    number = arrow.float32()
    return arrow.schema(
        [
            ("video", arrow.string()),
            ("frame", arrow.int32()),
            ("timestamp_s", arrow.float64()),
            ("id", arrow.int32()),
            ("presence", number),
            ("box", arrow.list_(number, 4)),
            ("points", arrow.list_(number, 2 * num_points)),
            *((f"{name}_deg", number) for name in ANGLES),
            *((f"{name}_open", number) for name in OPENNESS),
        ]
    )


class RowWriter:
    """Writes the rows of one video or segment into a file; a context manager.

    Args:
        path: of the file.
        video: what the column `video` says.
        num_points: of the model's layout.

    Attributes:
        rows: written so far.
    """

    def __init__(self, path: Path, video: str, num_points: int) -> None:
        self._arrow, self._parquet = load_pyarrow()
        self._video, self._schema = video, schema(num_points)
        self._keys: list[tuple[int, float]] = []
        self._faces: list[Face] = []
        self.rows = 0
        self._file = path.open("wb")
        try:
            self._writer = self._parquet.ParquetWriter(
                self._file, self._schema, compression="zstd", use_dictionary=["video"], column_encoding=_encodings(),
                write_statistics=["video", "frame", "timestamp_s", "id"],
            )  # fmt: skip
        except BaseException:
            self._file.close()
            raise

    def add(self, frame: Frame, faces: Sequence[Face]) -> None:
        """Add the faces of a frame.

        Args:
            frame: the frame; only its index and timestamp are kept.
            faces: in it.
        """
        self._keys += [(frame.index, frame.timestamp_s)] * len(faces)
        self._faces += faces
        if len(self._faces) >= GROUP_ROWS:
            self._flush()

    def add_table(self, table: Any) -> None:
        """Add rows that were read from another file of the same schema."""
        self._flush()
        if len(table):
            self._writer.write_table(table.cast(self._schema), row_group_size=GROUP_ROWS)
            self.rows += len(table)

    def finish(self, about: dict[str, Any]) -> None:
        """Write what is left, and what the file says about itself.

        Raises:
            OSError: the disk does not take it.
        """
        self._flush()
        self._writer.add_key_value_metadata({METADATA: json.dumps(about).encode()})
        self._writer.close()
        self._file.close()

    @property
    def waiting(self) -> int:
        """Rows that were added and not yet written."""
        return len(self._faces)

    def _flush(self) -> None:
        if not self._faces:
            return
        columns = _columns(self._keys, self._faces)
        arrays = [self._arrow.array([self._video] * len(self._faces), self._schema.field("video").type)]
        for field in list(self._schema)[1:]:
            values = columns[field.name]
            if values.ndim == 2:
                flat = self._arrow.array(values.reshape(-1), field.type.value_type)
                arrays.append(self._arrow.FixedSizeListArray.from_arrays(flat, type=field.type))
            else:
                arrays.append(self._arrow.array(values, field.type, from_pandas=True))
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self.rows += len(self._faces)
        self._keys, self._faces = [], []

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            with suppress(Exception):  # pyarrow would write the end of the file when the writer is thrown away
                self._writer.close()
        with suppress(OSError):
            self._file.close()


def read_about(path: Path) -> dict[str, Any]:
    """What a file of the dataset says about its video, from its last bytes alone.

    Raises:
        DataError: it is damaged, or none of these.
    """
    _, parquet = load_pyarrow()
    try:
        return dict(json.loads(parquet.read_metadata(path).metadata[METADATA]))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is damaged ({type(error).__name__}); remove it and start again") from error


def _encodings() -> dict[str, str]:
    """Bytes of the same place of all numbers lie together, which zstd packs into half of the space."""
    numbers = ["presence", "box.list.element", "points.list.element"]
    numbers += [f"{name}_deg" for name in ANGLES] + [f"{name}_open" for name in OPENNESS]
    whole = {"frame": "DELTA_BINARY_PACKED", "id": "DELTA_BINARY_PACKED"}
    return dict.fromkeys([*numbers, "timestamp_s"], "BYTE_STREAM_SPLIT") | whole


def _columns(keys: Sequence[tuple[int, float]], faces: Sequence[Face]) -> dict[str, Any]:
    frames, times = zip(*keys, strict=True)
    columns: dict[str, Any] = {
        "frame": np.array(frames, np.int32),
        "timestamp_s": np.array(times, np.float64),
        "id": np.array([face.id for face in faces], np.int32),
        "presence": np.array([face.presence for face in faces], np.float32),
        "box": _rounded([face.box.xyxy for face in faces]),
        "points": _rounded([face.landmarks.points.reshape(-1) for face in faces]),
    }
    columns |= {f"{name}_deg": _of_each(faces, lambda face, name=name: getattr(face.pose, name)) for name in ANGLES}
    return columns | {
        f"{name}_open": _of_each(faces, lambda face, name=name: getattr(face.openness, name)) for name in OPENNESS
    }


def _rounded(values: Sequence[Any]) -> Any:
    return (np.round(np.stack(values).astype(np.float64) / STEP_PX) * STEP_PX).astype(np.float32)


def _of_each(faces: Sequence[Face], value: Callable[..., float]) -> Any:
    return np.array([value(face) for face in faces], np.float32)
