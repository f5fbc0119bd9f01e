"""The loop of live tracking of several sources: from them to results, and to one view and a recording of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.live.background_iterator import latest_in_background
from sdfl.runtime.live.pipeline import Rate, Summary, Tally
from sdfl.runtime.outputs.grid import Tile, draw_grid
from sdfl.runtime.outputs.overlay import draw
from sdfl.runtime.outputs.video_file import Recorder
from sdfl.runtime.results import Clock, StreamResult, results_of_many
from sdfl.runtime.sources.many import ManySources
from sdfl.runtime.views.base import FrameStats, View
from sdfl.types import Image

EVERY_S = 1 / 30  # between two pictures of the grid, however many sources there are


def run_many(
    many: ManySources,
    landmarker: FaceLandmarker,
    view: View,
    *,
    recorders: Sequence[Recorder] = (),
    clock: Clock = time.perf_counter,
) -> Summary:
    """Track several sources, show them in a grid and record each, until all end, the viewer ends it or on Ctrl-C.

    One thread tracks and records every frame; this one draws the grid from the latest results.

    Args:
        many: gives the frames.
        landmarker: follows the faces.
        view: shows the grid.
        recorders: one for each source, or none.
        clock: gives the time in seconds.

    Returns:
        The figures of the run, of all sources together.

    Raises:
        SourceError: a source has failed, after all others have ended.
    """
    board = _Board(many, landmarker.spec.name, clock)
    due_s, drawn, shown = clock(), 0, None
    with latest_in_background(_tracked(many, landmarker, board, recorders), many.close) as rounds:
        try:
            for news in rounds:
                if news is not None and clock() < due_s:
                    continue
                if board.rounds > drawn:
                    drawn, due_s = board.rounds, clock() + EVERY_S
                    shown = board.picture(draws=view.watched), board.stats()
                if shown is not None and not view.show(*shown):
                    break
        except KeyboardInterrupt:
            pass  # the usual way to end a live view
    return board.tally.summary()


def _tracked(
    many: ManySources, landmarker: FaceLandmarker, board: _Board, recorders: Sequence[Recorder]
) -> Iterator[int]:
    """Track and record in a thread; gives the number of each round."""
    for results in results_of_many(many, landmarker):
        for result in results if recorders else ():
            image = draw(result.frame.image, result.faces, label=f"{result.ms:.1f} ms")
            recorders[result.number].write(image, result.frame.timestamp_s)
        yield board.put(results)


class _Board:
    """The latest result of every source, put by the tracking thread and shown by another."""

    def __init__(self, many: ManySources, model: str, clock: Clock) -> None:
        self.tally, self.rounds = Tally(), 0
        self._many, self._model, self._clock, self._lock = many, model, clock, threading.Lock()
        self._tiles = [Tile(name) for name in many.names]
        self._rates = [Rate(source.fps) for source in many.sources]
        self._last: StreamResult | None = None

    def put(self, results: Sequence[StreamResult]) -> int:
        """Take the results of a round; the number of rounds so far."""
        with self._lock:
            self.rounds += 1
            for result in results:
                self.tally.add(result)
                fps = self._rates[result.number].at(self._clock())
                tile = self._tiles[result.number]
                self._tiles[result.number] = replace(tile, image=result.frame.image, faces=result.faces, fps=fps)
                self._last = result
            for number, error in self._many.lost.items():
                self._tiles[number] = replace(self._tiles[number], lost=str(error))
            return self.rounds

    def picture(self, *, draws: bool) -> Image:
        """The grid; without `draws`, for a view that nobody watches, an empty one."""
        with self._lock:
            tiles = list(self._tiles)
        return draw_grid(tiles if draws else tiles[:1])

    def stats(self) -> FrameStats:
        """The figures of the latest frames of all sources."""
        with self._lock:
            last, lost = self._last, len(self._many.lost)
            p50, p95, p99 = self.tally.recent_ms() if last else (0.0, 0.0, 0.0)
            fps = [tile.fps for tile in self._tiles if tile.fps is not None and not tile.lost]
            return FrameStats(
                source=f"{len(self._tiles)} sources{f', {lost} lost' if lost else ''}",
                model=self._model,
                frame=self.rounds,
                faces=sum(len(tile.faces) for tile in self._tiles if not tile.lost),
                ms=round(last.ms, 2) if last else 0.0,
                latency_ms=round(last.latency_ms, 2) if last else 0.0,
                latency_p50_ms=round(p50, 2),
                latency_p95_ms=round(p95, 2),
                latency_p99_ms=round(p99, 2),
                fps=round(sum(fps) / len(fps), 1) if fps else 0.0,
            )
