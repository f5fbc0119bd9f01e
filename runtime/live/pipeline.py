"""The loop of live tracking: from a source to results, and to a view and a recording."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from sdfl.runtime.followers import Follower
from sdfl.runtime.live.background_iterator import latest_in_background
from sdfl.runtime.outputs.overlay import draw
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.runtime.results import Clock, Result, results
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.views.base import FrameStats, View
from sdfl.types import Frame, Image

RECENT = 300  # number of frames that the shown percentiles are of: ten seconds
LONGEST = 108_000  # number of frames that the summary's percentiles are of: the last hour
MEMORY = 0.9  # weight of the old value in the running mean of the time between frames


@dataclass(frozen=True)
class Summary:
    """The figures of a run; latencies are None where it had no frame.

    Attributes:
        num_frames: number of tracked frames.
        frames_with_faces: number of those in which a face was seen.
        latency_p50_ms: median of the latencies.
        latency_p95_ms: their 95th percentile.
        latency_p99_ms: their 99th percentile.
    """

    num_frames: int
    frames_with_faces: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None

    def __str__(self) -> str:
        if self.latency_p50_ms is None:
            return "no frames"
        return (
            f"{self.num_frames} frames, {self.frames_with_faces} with a face; "
            f"latency p50 {self.latency_p50_ms:.1f} ms, p95 {self.latency_p95_ms:.1f} ms, "
            f"p99 {self.latency_p99_ms:.1f} ms"
        )


def run(
    source: FrameSource,
    landmarker: Follower,
    view: View,
    *,
    recorder: Recorder | None = None,
    max_frames: int | None = None,
    progress: Callable[[Iterable[Frame]], Iterable[Frame]] = lambda frames: frames,
    clock: Clock = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> Summary:
    """Track a source, show it and record it, until it ends, the viewer ends it or Ctrl-C is pressed.

    A live source is captured by one thread, tracked and recorded by another, and this one shows the latest result; of a
    file every frame is shown. Every tracked frame is recorded, however slow the view is.

    Args:
        source: of the frames.
        landmarker: follows the faces.
        view: shows the frames.
        recorder: records the frames with what is drawn into them, None for no recording.
        max_frames: after which the run ends, None for no limit.
        progress: wraps the frames before they are tracked, for example in a progress bar.
        clock: gives the time in seconds.
        sleep: waits for some seconds.

    Returns:
        The figures of the run.

    Raises:
        SourceError: the source fails in the middle.
    """
    endless = view.watched and source.loops and recorder is None
    frames: Iterable[Frame] = itertools.chain.from_iterable(itertools.repeat(source)) if endless else source
    if view.watched and not source.live:
        frames = paced(frames, 1 / source.fps, clock=clock, sleep=sleep)
    frames = progress(itertools.islice(frames, max_frames))
    tally = Tally()
    tracked = tally.count(results(source, landmarker, frames=frames, clock=clock))
    drawn = _drawn(tracked, recorder, always=view.watched)
    rate = Rate(source.fps)
    last: tuple[Image, FrameStats] | None = None
    with latest_in_background(drawn, source.close) if source.live else nullcontext(drawn) as shown:
        try:
            for new in shown:
                if new is not None:
                    result, image = new
                    last = image, _stats(result, source, landmarker, rate.at(clock()), tally)
                if last is not None and not view.show(*last):
                    break
        except KeyboardInterrupt:
            pass  # the usual way to end a live view
    return tally.summary()


def paced(frames: Iterable[Frame], period_s: float, *, clock: Clock, sleep: Callable[[float], None]) -> Iterator[Frame]:
    """`frames` at a pace; a frame that comes late delays all later ones.

    Args:
        frames: as fast as they can be had.
        period_s: least time between two frames.
        clock: gives the time in seconds.
        sleep: waits for some seconds.
    """
    due_s = clock()
    for frame in frames:
        if (wait_s := due_s - clock()) > 0:
            sleep(wait_s)
        yield frame
        due_s = max(due_s + period_s, clock())


class Rate:
    """Frames per second as a running mean that starts from the nominal rate.

    Args:
        fps: the nominal rate.
    """

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._last_s: float | None = None

    def at(self, now_s: float) -> float:
        """Count one frame. Returns the rate."""
        if self._last_s is not None:
            self._period_s = MEMORY * self._period_s + (1 - MEMORY) * max(now_s - self._last_s, 1e-6)
        self._last_s = now_s
        return 1 / self._period_s


def _drawn(tracked: Iterable[Result], recorder: Recorder | None, *, always: bool) -> Iterator[tuple[Result, Image]]:
    """Each result and its picture, with landmarks where that is recorded or `always`; records it on the way."""
    for result in tracked:
        image = result.frame.image
        if always or recorder is not None:
            image = draw(image, result.faces, label=f"{result.ms:.1f} ms")
        if recorder is not None:
            recorder.write(image, result.frame.timestamp_s)
        yield result, image


def _stats(result: Result, source: FrameSource, landmarker: Follower, fps: float, tally: Tally) -> FrameStats:
    p50, p95, p99 = tally.recent_ms()
    return FrameStats(
        source=source.name,
        model=landmarker.spec.name,
        frame=result.frame.index,
        faces=len(result.faces),
        ms=round(result.ms, 2),
        latency_ms=round(result.latency_ms, 2),
        latency_p50_ms=round(p50, 2),
        latency_p95_ms=round(p95, 2),
        latency_p99_ms=round(p99, 2),
        fps=round(fps, 1),
    )


class Tally:
    """Counts every tracked frame, also those that the view was too slow for."""

    def __init__(self) -> None:
        self._latencies_ms: deque[float] = deque(maxlen=LONGEST)
        self._frames = self._with_faces = 0

    def add(self, result: Result) -> None:
        """Count a frame."""
        self._latencies_ms.append(result.latency_ms)
        self._frames += 1
        self._with_faces += bool(result.faces)

    def count(self, tracked: Iterable[Result]) -> Iterator[Result]:
        """Count each frame on its way."""
        for result in tracked:
            self.add(result)
            yield result

    def recent_ms(self) -> list[float]:
        """50th, 95th and 99th percentile of the latest frames' latencies."""
        latest = sorted(itertools.islice(reversed(self._latencies_ms), RECENT))
        return [latest[min(len(latest) - 1, int(share * len(latest)))] for share in (0.5, 0.95, 0.99)]

    def summary(self) -> Summary:
        """The figures of all frames."""
        if not self._latencies_ms:
            return Summary(0, 0, None, None, None)
        p50, p95, p99 = np.percentile(self._latencies_ms, [50, 95, 99])
        return Summary(self._frames, self._with_faces, float(p50), float(p95), float(p99))
