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
    """ms: time spent on tracking this frame. latency_ms: from its capture (a file: from its decoding) to here."""

    frame: Frame
    faces: list[Face]
    ms: float
    latency_ms: float


def results(
    source: FrameSource,
    landmarker: Follower,
    *,
    frames: Iterable[Frame] | None = None,
    clock: Clock = time.monotonic,
) -> Iterator[Result]:
    """Track every frame of `source`. frames: the frames themselves where they are chosen or paced, None for all."""
    update = landmarker.follow(source)
    for frame in source if frames is None else frames:
        received_s = clock()
        faces = update(frame)
        done_s = clock()
        captured_s = frame.timestamp_s if source.live else received_s
        yield Result(frame, faces, (done_s - received_s) * 1000, (done_s - captured_s) * 1000)
