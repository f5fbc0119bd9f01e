"""Every frame of a source with its faces and the time that tracking took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sdfl.runtime.landmarker import Follower
from sdfl.runtime.sources import FrameSource
from sdfl.types import Face, Frame

Clock = Callable[[], float]


@dataclass(frozen=True)
class Result:
    """A tracked frame.

    Attributes:
        frame: the frame.
        faces: in it.
        ms: time that tracking took.
        latency_ms: from the capture of a live frame, or from the decoding of a file's frame, to the result.
    """

    frame: Frame
    faces: list[Face]
    ms: float
    latency_ms: float


def results(
    source: FrameSource,
    landmarker: Follower,
    *,
    frames: Iterable[Frame] | None = None,
    clock: Clock = time.perf_counter,
) -> Iterator[Result]:
    """Track the frames of a source.

    Args:
        source: the frames' source.
        landmarker: follows their faces.
        frames: the frames of the source that shall be tracked, None for all.
        clock: gives the time in seconds; of a live source, the clock of its timestamps.

    Yields:
        A result for every frame.
    """
    update = landmarker.follow(source)
    for frame in source if frames is None else frames:
        received_s = clock()
        faces = update(frame)
        done_s = clock()
        captured_s = frame.timestamp_s if source.live else received_s
        yield Result(frame, faces, (done_s - received_s) * 1000, (done_s - captured_s) * 1000)
