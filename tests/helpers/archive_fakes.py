"""Archives of toy faces, and workers that label them without a model file; other processes can import this."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from clips import encode
from toy_face import GROUND, scene, toy_network

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.archive.in_process import in_process
from sdfl.runtime.archive.labelling import Outcome, Task, Worker
from sdfl.runtime.archive.rows import load_pyarrow
from sdfl.runtime.archive.run import Schedule, Summary, label_videos
from sdfl.runtime.archive.settings import Settings
from sdfl.runtime.archive.videos import find_videos
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.types import Box, Image

SETTINGS = Settings("unknown (not installed)", "toy", "0" * 64, "fake", "ibug68", 68)


class ToyDetector:
    """Finds whatever is not the ground. Waits before each picture of a name that a test has chosen."""

    def detect(self, image: Image) -> list[Box]:
        other = (np.abs(image.astype(int) - GROUND).sum(axis=2) > 150).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(other)
        boxes = [stats[index, :4] for index in range(1, count) if stats[index, 4] > 200]
        return [Box(np.array([x, y, x + w, y + h], np.float32), 1.0) for x, y, w, h in boxes]


@dataclass(frozen=True)
class ToyOpening:
    """Opens the toy landmarker.

    pause_s: that every inference takes longer.
    max_faces: at a time.
    deadly_width: frames of this width kill the process, as a decoder may that crashes.
    """

    pause_s: float = 0.0
    max_faces: int = 1
    deadly_width: int = 0
    threads: int = 1

    def open(self) -> FaceLandmarker:
        spec = ModelSpec(name="toy", layout="ibug68", num_points=68, input_size=128, crop_scale=1.5)
        opening = self

        class Detector(ToyDetector):
            def detect(self, image: Image) -> list[Box]:
                if image.shape[1] == opening.deadly_width:
                    os._exit(1)
                return super().detect(image)

        def network(crop: Image) -> Any:
            time.sleep(opening.pause_s)
            return toy_network(crop)

        return FaceLandmarker(backend=FakeBackend(spec, network), detector=Detector(), max_faces=self.max_faces)


def settings(**changes: Any) -> Settings:
    """Those of the toy model in this environment."""
    from sdfl import __version__

    return replace(SETTINGS, sdfl=__version__, **changes)


def write_clip(path: Path, frames: int = 40, *, start: float = 120, **options: Any) -> Path:
    """A clip of 320 x 240 px in which the toy face moves to and fro, from `start` px on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [scene((start + 60 * np.sin(index / 20), 120, 40)) for index in range(frames)]
    return encode(path, images, options={"g": "10", "preset": "ultrafast"}, **options)


def label(
    sources: Sequence[Path | str],
    out: Path,
    opening: Any = ToyOpening(),
    schedule: Schedule = in_process,
    **changes: Any,
) -> Summary:
    """Label as the verb does, by default in this process."""
    return label_videos(find_videos(map(str, sources)), out, settings(**changes), opening, schedule)


@dataclass
class FakeCluster:
    """In place of Ray's."""

    def schedule(self, tasks: Sequence[Task], worker: Worker) -> Iterator[Outcome | None]:
        return in_process(tasks, worker)

    def doing(self) -> dict[str, Any]:
        return {}


@contextmanager
def fake_connected(address: str | None, workers: int | None) -> Iterator[FakeCluster]:
    yield FakeCluster()


def rows(out: Path) -> list[dict[str, Any]]:
    """The rows of all faces."""
    return list(load_pyarrow()[1].read_table(out / "faces").to_pylist())


def failures(out: Path) -> dict[str, str]:
    """Name of a video's file -> why it failed."""
    return {
        Path(row["video"]).name: row["reason"]
        for row in load_pyarrow()[1].read_table(out / "failures.parquet").to_pylist()
    }


def videos(out: Path) -> list[dict[str, Any]]:
    """The rows of the table of videos."""
    return list(load_pyarrow()[1].read_table(out / "videos.parquet").to_pylist())


def files(out: Path) -> set[str]:
    """All files of a dataset, relative to it."""
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
