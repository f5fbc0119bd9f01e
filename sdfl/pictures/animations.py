"""Animated GIF, PNG, WebP and AVIF: pictures in a row, each shown for its own time."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdfl.errors import DataError, shown_path
from sdfl.pictures.kinds import kind_of
from sdfl.pictures.limits import MAX_PIXELS
from sdfl.pictures.pixels import to_bgr
from sdfl.pictures.quiet import quiet
from sdfl.pictures.reading import open_header, opened
from sdfl.types import Image

SHORTEST_MS, INSTEAD_MS = 10, 100  # browsers show what asks for at most 10 ms for 100 ms
SAMPLE = 30  # number of frames that the nominal rate is of


def is_animation(path: Path) -> bool:
    """Whether a file is a picture that moves. A file that cannot be read is none."""
    kind = kind_of(path)
    if kind is None or not kind.animates:
        return False
    try:
        with opened(path) as (file, _), quiet():
            return bool(getattr(open_header(file, kind, str(path), MAX_PIXELS**2), "is_animated", False))
    except Exception:  # whoever reads it is told what is wrong
        return False


class Animation:
    """The frames of an animation with their times.

    Args:
        path: of a file for which `is_animation` holds.
        max_pixels: largest number of pixels of a frame.

    Attributes:
        num_frames: number of frames, None for a file that is cut off.
        fps: nominal rate: one over the median time of the first frames.

    Raises:
        DataError: it is damaged or too large; while iterating, after its last frame, that it is cut off.
    """

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        self.path, self._max_pixels = path, max_pixels
        self.num_frames = self._count()
        durations_ms = []
        try:
            for _, duration_ms in itertools.islice(self._frames(), SAMPLE):
                durations_ms.append(duration_ms)
        except DataError:
            if not durations_ms:
                raise
        self.fps = 1000 / statistics.median(durations_ms)

    def __iter__(self) -> Iterator[tuple[Image, float]]:
        """Each frame, (H, W, 3) uint8 BGR, and its time in seconds."""
        time_ms = 0.0
        for image, duration_ms in self._frames():
            yield image, time_ms / 1000
            time_ms += duration_ms

    def _count(self) -> int | None:
        try:
            with opened(self.path) as (file, kind), quiet(self._max_pixels):
                picture = open_header(file, kind, shown_path(self.path), self._max_pixels)
                return int(picture.n_frames) - _start(picture)
        except DataError:
            raise
        except Exception:  # the bytes are a stranger's, and so are the errors that they lead to
            return None

    def _frames(self) -> Iterator[tuple[Image, float]]:
        """Each frame and how long it is shown, in ms."""
        index = 0
        with opened(self.path) as (file, kind):
            try:
                with quiet(self._max_pixels):
                    picture = open_header(file, kind, shown_path(self.path), self._max_pixels)
                    start = _start(picture)
                while index != self.num_frames:
                    with quiet(self._max_pixels):
                        duration_ms = _loaded(picture, start + index)
                        image = to_bgr(picture)
                    yield image, duration_ms
                    index += 1
            except DataError:
                raise
            except Exception as error:
                of = f" of {self.num_frames}" if self.num_frames else ""
                after = f" after frame {index}{of}; those were used" if index else "; copy it again"
                raise DataError(f"{shown_path(self.path)}: is cut off{after}") from error


def _start(picture: Any) -> int:
    """The index of the first frame: a PNG may begin with a picture for programs that show no animations."""
    return 1 if picture.info.get("default_image") else 0


def _loaded(picture: Any, index: int) -> float:
    """Decode a frame. Returns how long it is shown, in ms."""
    picture.seek(index)
    picture.load()
    duration_ms = float(picture.info.get("duration") or 0)
    return duration_ms if duration_ms > SHORTEST_MS else float(INSTEAD_MS)
