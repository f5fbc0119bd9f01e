"""Cutting a long video into segments that are labelled apart, each after a warm-up in the segment before.

A video is cut where its packets say exactly which frames it has and when they are shown. Where they do not (an AVI, a
list of edits, times that are missing or repeated), or where PyAV is not installed, it stays whole.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sdfl.errors import SourceError
from sdfl.runtime.notices import Say
from sdfl.runtime.sources.base import FrameSource, to_bgr8
from sdfl.runtime.sources.video import pyav
from sdfl.runtime.sources.video.times import FrameTimes
from sdfl.runtime.tracking.detection_schedule import EVERY_ALONE_S, EVERY_S
from sdfl.types import Frame

WARM_UP_S = 5.0  # after which tracking and smoothing have forgotten how they began
SHORTEST_TAIL = 0.5  # of a segment; a shorter rest belongs to the segment before


@dataclass(frozen=True)
class Segment:
    """A part of a video. Times are those of the file.

    Attributes:
        number: from 0.
        count: of all segments of the video.
        key_s: time of the key frame to begin to decode at.
        warm_up: index of the first frame that is tracked.
        warm_up_s: its time.
        begin: index of the first frame that belongs to the segment.
        end: index behind the last one.
        last_s: time of the last one.
        start_s: time of the video's first frame.
        fps: nominal rate.
    """

    number: int
    count: int
    key_s: float
    warm_up: int
    warm_up_s: float
    begin: int
    end: int
    last_s: float
    start_s: float
    fps: float


def cut(path: Path, longest_s: float) -> list[Segment]:
    """The segments of a video; none where it is short enough or cannot be cut.

    Args:
        path: of the video.
        longest_s: length of a segment; the last one may be half as long, or half as long again.
    """
    if pyav.library() is None:
        return []
    try:
        with closing(_open(path)) as decoder:
            fps, still = decoder.fps, decoder.still or decoder.endless
            if still or (decoder.num_frames or 0) / fps <= (1 + SHORTEST_TAIL) * longest_s:
                return []
            timetable = decoder.timetable()
        segments = _segments(timetable, fps, longest_s) if timetable else []
        return segments if _can_be_sought(path, segments) else []
    except (OSError, LookupError):
        return []  # labelling it says why


def _segments(timetable: pyav.Timetable, fps: float, longest_s: float) -> list[Segment]:
    times, keys = timetable
    start_s, end_s = times[0], times[-1]
    begins, next_s = [0], start_s + longest_s
    # The detector then looks for new faces in the frames in which it looks in the uncut video, unless a face was lost.
    step = math.lcm(*(max(1, math.ceil(every_s * fps - 1e-6)) for every_s in (EVERY_S, EVERY_ALONE_S)))
    while next_s < end_s - SHORTEST_TAIL * longest_s:
        begins.append(bisect.bisect_left(times, next_s))
        next_s += longest_s
    segments = []
    for number, (begin, end) in enumerate(zip(begins, [*begins[1:], len(times)], strict=True)):
        warm_up = bisect.bisect_left(times, times[begin] - WARM_UP_S) // step * step if number else 0
        key = bisect.bisect_right(keys, times[warm_up]) - 1
        if key < 0:
            return []
        segments.append(
            Segment(number, len(begins), keys[key], warm_up, times[warm_up], begin, end, times[end - 1], start_s, fps)
        )
    return segments


def _can_be_sought(path: Path, segments: Sequence[Segment]) -> bool:
    """Whether the decoder finds the key frames; it does not in every container."""
    for segment in segments[1:]:
        with closing(_open(path)) as decoder:
            found = decoder.timetable(segment.key_s, segment.key_s)
            if found is None or found.keys_s[0] != segment.key_s:
                return False
    return len(segments) > 1


def _open(path: Path, threads: int = 1) -> pyav.PyavDecoder:
    return pyav.PyavDecoder(f"file:{path}", threads=threads)


class SegmentSource(FrameSource):
    """The frames of a segment and of its warm-up, with the indices and times that they have in the whole video.

    Args:
        path: of the video.
        segment: of it.
        name: what messages call it.
        threads: that decode.
        say: is told how many frames were damaged.

    Raises:
        SourceError: while iterating, that the video cannot be read or is not what it was when it was cut.
    """

    def __init__(self, path: Path, segment: Segment, *, name: str, threads: int, say: Say) -> None:
        self.name, self.fps, self._path, self._segment, self._say = name, segment.fps, path, segment, say
        self._threads = threads

    def __iter__(self) -> Iterator[Frame]:
        segment = self._segment
        try:
            with closing(_open(self._path)) as decoder:
                timetable = decoder.timetable(segment.key_s if segment.number else None, segment.last_s)
            times = [time_s for time_s in timetable.times_s if time_s >= segment.warm_up_s] if timetable else []
            yield from self._decoded(times[: segment.end - segment.warm_up])
        except LookupError as error:
            raise SourceError(f"{self.name}: {error.args[0]}") from error
        except OSError as error:
            raise SourceError(f"{self.name}: cannot be read ({error.strerror})") from error

    def _decoded(self, times: Sequence[float]) -> Iterator[Frame]:
        segment = self._segment
        if len(times) != segment.end - segment.warm_up or times[-1] != segment.last_s:
            raise SourceError(f"{self.name}: has changed while it was labelled; start again")
        clock = FrameTimes(segment.fps)
        if segment.warm_up:
            clock.place(segment.start_s)
        shown = [clock.place(time_s) for time_s in times]
        with closing(_open(self._path, self._threads)) as decoder:
            if segment.number:
                decoder.seek(segment.key_s)
            for image, time_s in decoder:
                if time_s is None or time_s < segment.warm_up_s:
                    continue
                if time_s > segment.last_s:
                    break
                place = bisect.bisect_left(times, time_s)
                yield Frame(to_bgr8(image, self.name), segment.warm_up + place, shown[place])
            if decoder.lost:
                self._say(f"{self.name}: {decoder.lost} damaged frames were left out of segment {segment.number}")
