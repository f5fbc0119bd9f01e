"""Every frame of one source or of several with its faces and the time that tracking took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sdfl.runtime.followers import Follower
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.sources.many import ManySources
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


@dataclass(frozen=True)
class StreamResult(Result):
    """A tracked frame of one of several sources; `ms` is the time that its whole round took.

    Attributes:
        number: of the source, from 0.
        source: its name.
    """

    number: int
    source: str


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


def results_of_many(
    many: ManySources, landmarker: FaceLandmarker, *, clock: Clock = time.perf_counter
) -> Iterator[list[StreamResult]]:
    """Track the frames of several sources.

    Args:
        many: gives the frames.
        landmarker: follows their faces.
        clock: gives the time in seconds; of live sources, the clock of their timestamps.

    Yields:
        The results of each round; a round in which a source was lost may have none.

    Raises:
        SourceError: as `ManySources.rounds`.
    """
    update = landmarker.follow_many(many.sources)
    for arrived in many.rounds():
        received_s = clock()
        faces = update(arrived)
        done_s = clock()
        ms = (done_s - received_s) * 1000
        captured_s = [frame.timestamp_s if many.sources[number].live else received_s for number, frame in arrived]
        yield [
            StreamResult(frame, found, ms, (done_s - begin_s) * 1000, number, many.names[number])
            for (number, frame), found, begin_s in zip(arrived, faces, captured_s, strict=True)
        ]
