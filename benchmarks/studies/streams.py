"""How many cameras of 30 frames a second one computer follows: all in one process, or each in a process of its own.

The sample clip is played to and fro as that many cameras. A camera is kept if at least KEPT of its frames are tracked;
the others were replaced by newer ones. Everything runs on the same processor cores, one after another.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.benchmarks.suite import HERE, load_suite, parse_peer
from sdfl.benchmarks.targets import targets_of
from sdfl.benchmarks.worker import Worker, write_frames
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.processor import usable_processors
from sdfl.runtime.sources import SampleSource
from sdfl.runtime.zoo import resolve_model

FPS = 30
FRAMES = 90  # of the sample clip
KEPT = 0.99  # least share of a camera's frames that are tracked
LIMIT_MS = 1000 / FPS  # largest 99th percentile of the latencies: a result comes before the next frame
WARMUP_S = 2.0
MOST_STREAMS = 64
OWN_ADAPTER = HERE / "peers" / "sdfl_streams.py"
DEFAULT_PEERS = ("mediapipe_facemesh", "mediapipe_landmarker")


@dataclass(frozen=True)
class Way:
    """How cameras are tracked.

    Attributes:
        name: what tables call it.
        adapter: see `peers/host.py`.
        options: of the adapter.
        python: the interpreter that runs it, None for the present one.
        together: whether one process tracks all cameras; otherwise each has its own.
    """

    name: str
    adapter: Path
    options: dict[str, Any]
    python: Path | None = None
    together: bool = False


@dataclass(frozen=True)
class Trial:
    """What came out for one number of cameras.

    Attributes:
        way: name of the way.
        cores: number of processor cores.
        streams: number of cameras.
        kept: share of the frames that were tracked, of the camera that lost most.
        p50_ms: median of the latencies of all tracked frames.
        p99_ms: their 99th percentile.
        cpu_ms: processor time for each tracked frame.
        memory_mb: largest resident memory of all processes together; what they share counts for each.
        found: share of the tracked frames in which a face was found.
    """

    way: str
    cores: int
    streams: int
    kept: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    memory_mb: float | None
    found: float

    def holds(self, limit_ms: float) -> bool:
        """Whether every camera is kept, and results come in time."""
        return self.kept >= KEPT and self.p99_ms <= limit_ms


Measure = Callable[[Way, int, int], Trial]  # given the way, the number of cores and of cameras


def ways(model: str | None, peers: Sequence[str] | None) -> list[Way]:
    """What is compared: one process, a process a camera, and as many processes of each peer.

    Args:
        model: name of a model or a file; None for the default model.
        peers: texts as of `sdfl bench --peer`; None for MediaPipe as far as `make peers` has installed it.

    Raises:
        ConfigError: a peer that is named is not installed.
    """
    options = {"model": str(resolve_model(model)) if model and Path(model).suffix else model or ""}
    name = model or "default model"
    own = [
        Way(f"{name}, one process", OWN_ADAPTER, options, together=True),
        Way(f"{name}, a process a camera", OWN_ADAPTER, options),
    ]
    suite = load_suite("peers")
    entries = suite.peer if peers is None else tuple(parse_peer(text) for text in peers)
    targets = targets_of(replace(suite, model=(), peer=entries)) if entries else []
    for target in targets if peers is not None else ():
        if target.problem:
            raise ConfigError(target.problem)
    return own + [
        Way(f"{target.subject.name}, a process a camera", target.adapter, target.options, target.python)
        for target in targets
        if peers is not None or (target.subject.name in DEFAULT_PEERS and not target.problem)
    ]


def study(
    compared: Sequence[Way],
    measure: Measure,
    *,
    cores: Sequence[int] = (1, 2),
    streams: Sequence[int] = (),
    limit_ms: float = LIMIT_MS,
) -> Iterator[Trial]:
    """Measure every way on every number of cores.

    Args:
        compared: the ways.
        measure: makes one trial.
        cores: numbers of processor cores.
        streams: numbers of cameras; none to look for the largest that holds.
        limit_ms: largest 99th percentile of the latencies.

    Yields:
        Every trial that was made.
    """
    for count, way in itertools.product(cores, compared):
        if streams:
            yield from (measure(way, count, each) for each in streams)
        else:
            yield from _search(lambda each, way=way, count=count: measure(way, count, each), limit_ms)  # type: ignore[misc]


def _search(measure: Callable[[int], Trial], limit_ms: float) -> Iterator[Trial]:
    """Double the number of cameras until one does not hold, then halve the range in which the largest lies."""
    holds, fails = 0, MOST_STREAMS + 1
    while fails - holds > 1:
        tried = (holds + fails) // 2 if fails <= MOST_STREAMS else min(max(1, 2 * holds), MOST_STREAMS)
        trial = measure(tried)
        yield trial
        holds, fails = (tried, fails) if trial.holds(limit_ms) else (holds, tried)


def measuring(clip: dict[str, Any], seconds: float) -> Measure:
    """What makes a trial in processes of its own, bound to the first cores.

    Args:
        clip: a table, see `peers/host.py`.
        seconds: of each trial.

    Raises:
        ConfigError: this process may use fewer cores.
    """

    def measure(way: Way, cores: int, streams: int) -> Trial:
        if cores > usable_processors():
            raise ConfigError(f"--cores {cores}: only {usable_processors()} may be used here")
        processes = 1 if way.together else streams
        timeout_s = 60.0 + 10 * streams + 3 * seconds
        with ExitStack() as stack:
            workers = [
                stack.enter_context(Worker(way.adapter, python=way.python, threads=cores, timeout_s=timeout_s))
                for _ in range(processes)
            ]
            for worker in workers:
                worker.ask("open", options={**way.options, "threads": cores})
            request = {"clip": clip, "seconds": seconds, "warmup_s": WARMUP_S, "streams": streams // processes}
            with ThreadPoolExecutor(processes) as pool:
                answers = list(pool.map(lambda worker: worker.ask("live", **request), workers))
            memory = [worker.ask("memory")["peak_rss_mb"] for worker in workers]
        return _trial(way, cores, streams, answers, memory)

    return measure


def _trial(
    way: Way, cores: int, streams: int, answers: Sequence[dict[str, Any]], memory: Sequence[float | None]
) -> Trial:
    each_ms = [camera for answer in answers for camera in answer["latencies_ms"]]
    all_ms = np.concatenate([np.asarray(camera, float) for camera in each_ms])
    if not len(all_ms):
        raise SdflError(f"{way.name}: not a single frame was tracked with {streams} cameras; measure for longer")
    p50, p99 = np.percentile(all_ms, [50, 99])
    return Trial(
        way.name,
        cores,
        streams,
        kept=min(len(camera) for camera in each_ms) / answers[0]["offered"],
        p50_ms=float(p50),
        p99_ms=float(p99),
        cpu_ms=1000 * sum(answer["cpu_s"] for answer in answers) / len(all_ms),
        memory_mb=None if None in memory else float(sum(each or 0.0 for each in memory)),
        found=sum(answer["found"] for answer in answers) / len(all_ms),
    )


def write_clip(folder: Path) -> dict[str, Any]:
    """The beginning of the sample clip as raw frames, a table for `peers/host.py`.

    Args:
        folder: to write it to.

    Raises:
        MissingDependency: the package that brings its picture is not installed.
    """
    return write_frames(itertools.islice(SampleSource(), FRAMES), folder / "sample.bgr", FPS)


def run(
    model: str | None = None,
    peers: Sequence[str] | None = None,
    *,
    cores: Sequence[int] = (1, 2),
    streams: Sequence[int] = (),
    seconds: float = 10.0,
    limit_ms: float = LIMIT_MS,
) -> Iterator[Trial]:
    """The whole study; see `ways`, `study` and `measuring`."""
    compared = ways(model, peers)
    with tempfile.TemporaryDirectory(prefix="sdfl-") as folder:
        measure = measuring(write_clip(Path(folder)), seconds)
        yield from study(compared, measure, cores=cores, streams=streams, limit_ms=limit_ms)


def as_markdown(trials: Sequence[Trial], limit_ms: float) -> str:
    """A table of all trials, then the largest number of cameras that holds for each way and number of cores."""
    lines = [
        "| | cores | cameras | kept, % | p50 ms | p99 ms | CPU ms a frame | memory MB | holds |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for each in sorted(trials, key=lambda trial: (trial.cores, trial.way, trial.streams)):
        memory = "" if each.memory_mb is None else f"{each.memory_mb:.0f}"
        lines.append(
            f"| {each.way} | {each.cores} | {each.streams} | {100 * each.kept:.1f} | {each.p50_ms:.1f} "
            f"| {each.p99_ms:.1f} | {each.cpu_ms:.2f} | {memory} | {'yes' if each.holds(limit_ms) else 'no'} |"
        )
    lines.append("")
    for (way, count), group in itertools.groupby(
        sorted(trials, key=lambda trial: (trial.cores, trial.way)), key=lambda trial: (trial.way, trial.cores)
    ):
        best = max((each.streams for each in group if each.holds(limit_ms)), default=0)
        lines.append(f"{way}, {count} {'core' if count == 1 else 'cores'}: {best} cameras at {FPS} frames/s")
    return "\n".join(lines)
