"""The synthetic video suite: every model tracks the same clips, in turns of a few frames, in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from sdfl.benchmarks.intervals import undisturbed
from sdfl.benchmarks.progress import Step, ignore
from sdfl.benchmarks.targets import Target
from sdfl.benchmarks.video.clips import FPS, NOISE_SIGMA, SCENES, SIZE, Clip, Still, make_clip
from sdfl.benchmarks.video.metrics import ReportedFace, measure_clip
from sdfl.benchmarks.worker import Worker, WorkerError

TURN = 15  # frames that one target does before the next one has its turn
FROM_SCENE = {
    "jitter_percent": "still",
    "rms_percent": "still",
    "motion_error_percent": "motion",
    "lag_ms": "motion",
}
FROM_STARTS = {"cold_ms": "start_cold_ms", "warm_ms": "start_warm_ms", "mb": "peak_rss_mb"}
KEEP_ID = ("cover", "crossing")  # a face that left and came back may have a new one
TIMED = ("still", "motion")  # scenes with one face that is always there: what a tracked frame costs
STARTS = 5
Table = dict[str, Any]


@dataclass
class Run:
    """What one target did so far.

    Attributes:
        worker: has the model open.
        about: what the worker tells about itself.
        frames: the faces that it reported in the present clip.
        scenes: by name, one table for each still picture.
        cpu_ms: CPU time of each frame, in turns.
        wall_ms: time until the result of each frame.
        starts: lists of start times and memory.
        error: why it is not measured any more, "" if it is.
    """

    target: Target
    worker: Worker | None = None
    about: Table = field(default_factory=dict)
    frames: list[list[ReportedFace]] = field(default_factory=list)
    scenes: dict[str, list[Table]] = field(default_factory=dict)
    cpu_ms: list[list[float]] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    starts: Table = field(default_factory=dict)
    error: str = ""


def measure(
    targets: Sequence[Target],
    stills: Sequence[Still],
    scenes: Sequence[str] = tuple(SCENES),
    *,
    starts: int = STARTS,
    finished: Step = ignore,
) -> list[Table]:
    """Let every target track the same clips, in turns of TURN frames.

    Args:
        targets: models with their back ends.
        stills: pictures that clips are made from.
        scenes: names in `SCENES`.
        starts: fresh processes for the time to the first landmarks, after one that finds no cache.
        finished: told how many clips are done.

    Returns:
        For each target the `result` of its record, or {"error": one line}.
    """
    runs = [Run(target) for target in targets]
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="sdfl-clips-") as folder:
        for run in runs:
            _attempt(run, lambda run=run: _open(run, stack))  # type: ignore[misc]
        for number, still in enumerate(stills):
            for name in scenes:
                clip = make_clip(name, still, Path(folder) / "clip.bgr", seed=number)
                _follow(runs, clip)
                finished(1)
        _time_starts(runs, make_clip("still", stills[0], Path(folder) / "clip.bgr"), Path(folder), starts)
    together = {"interleaved": uuid4().hex[:12]}
    return [{"error": run.error} if run.error else _summary(run, len(stills)) | together for run in runs]


def as_table(clip: Clip) -> Table:
    """The clip as `peers/host.py` takes it."""
    return {"path": str(clip.path), "width": SIZE[0], "height": SIZE[1], "frames": clip.num_frames, "fps": FPS}


def _open(run: Run, stack: ExitStack) -> None:
    worker = stack.enter_context(Worker(run.target.adapter, python=run.target.python, threads=1))
    run.about = worker.ask("open", options=run.target.options | {"threads": 1})
    run.worker = worker


def _follow(runs: Sequence[Run], clip: Clip) -> None:
    """One clip, in turns; then what each run says about it."""
    for run in runs:
        run.frames = []
    for start in range(0, clip.num_frames, TURN):
        for run in runs:
            _attempt(run, lambda run=run: _turn(run, clip, start))  # type: ignore[misc]  # noqa: B023
    for run in runs:
        if not run.error:
            result = measure_clip(clip, run.frames, run.about["layout"])
            run.scenes.setdefault(clip.name, []).append(result)


def _turn(run: Run, clip: Clip, start: int) -> None:
    assert run.worker is not None
    wanted = max(1, len(clip.faces))
    answer = run.worker.ask("track", clip=as_table(clip), start=start, count=TURN, max_faces=wanted)
    for points, ids in zip(answer["faces"], answer["ids"], strict=True):
        known = ids if len(ids) == len(points) else [None] * len(points)
        pairs = zip(known, points, strict=True)
        run.frames.append([ReportedFace(face_id, np.asarray(face, np.float32)) for face_id, face in pairs])
    if clip.name in TIMED and start > 0:
        run.cpu_ms.append(answer["cpu_ms"])
        run.wall_ms += answer["wall_ms"]


def _time_starts(runs: Sequence[Run], clip: Clip, folder: Path, starts: int) -> None:
    """From the start of a process to its first landmarks; the first start of each finds no model cache."""
    for number in range(starts + 1):
        for place, run in enumerate(runs):
            cache = folder / f"cache{place}"

            def start(run: Run = run, cache: Path = cache, number: int = number) -> None:
                about = _start(run.target, clip, cache)
                for key, value in (("warm_ms" if number else "cold_ms", about["first_ms"]), ("mb", about["mb"])):
                    if value is not None:
                        run.starts.setdefault(key, []).append(value)

            _attempt(run, start)


def _start(target: Target, clip: Clip, cache: Path) -> dict[str, float | None]:
    """first_ms: until a fresh process gave the first landmarks, None without any. mb: its memory a turn later."""
    with Worker(target.adapter, python=target.python, threads=1, cache=cache) as worker:
        worker.ask("open", options=target.options | {"threads": 1})
        first_ms = None
        for index in range(TURN):
            answer = worker.ask("track", clip=as_table(clip), start=index, count=1, max_faces=1)
            if answer["faces"][0]:
                first_ms = worker.age_s * 1000
                break
        worker.ask("track", clip=as_table(clip), start=TURN, count=TURN, max_faces=1)
        return {"first_ms": first_ms, "mb": worker.ask("memory")["peak_rss_mb"]}


def _attempt(run: Run, work: Callable[[], None]) -> None:
    if run.error:
        return
    try:
        work()
    except WorkerError as error:
        run.error = str(error)


def _summary(run: Run, num_stills: int) -> Table:
    """The `result` of a record: means over the stills, sums of faults, times over all frames."""
    scenes = {name: _merged(tables) for name, tables in run.scenes.items()}
    wanted = sum(table.get("frames_wanted", 0) for table in scenes.values())
    lost = sum(table.get("frames_lost", 0) for table in scenes.values())
    result: Table = {key: scenes[scene][key] for key, scene in FROM_SCENE.items() if key in scenes.get(scene, {})}
    result |= {
        "frames_lost_percent": 100 * lost / wanted if wanted else None,
        "false_faces": sum(table["false_faces"] for table in scenes.values()),
        "identity_switches": sum(scenes[name]["identity_switches"] for name in KEEP_ID if name in scenes),
        "lose_frames": max((table.get("lose_frames", 0) for table in scenes.values()), default=0),
        "reacquire_frames": max((table.get("reacquire_frames", 0) for table in scenes.values()), default=0),
    }
    result |= {key: float(np.median(run.starts[name])) for name, key in FROM_STARTS.items() if name in run.starts}
    if run.cpu_ms:
        cpu_ms = np.concatenate([np.asarray(each) for each in run.cpu_ms])
        result |= {f"cpu_ms_p{share}": float(np.percentile(cpu_ms, share)) for share in (50, 90)}
        result["round_p10_cpu_ms"] = [round(undisturbed(each), 4) for each in run.cpu_ms]
        result |= {f"latency_ms_p{share}": float(np.percentile(run.wall_ms, share)) for share in (50, 95, 99)}
    result = {key: round(value, 4) if isinstance(value, float) else value for key, value in result.items()}
    about = {key: run.about[key] for key in ("version", "note") if key in run.about}
    return result | about | {"scenes": scenes, "stills": num_stills, "noise_sigma": NOISE_SIGMA, "fps": FPS}


COUNTS = ("false_faces", "frames_wanted", "frames_lost", "identity_switches")
WORST = ("lose_frames", "reacquire_frames")


def _merged(tables: Sequence[Table]) -> Table:
    """One scene over all stills: counts are added, times in frames are the longest, the rest are means."""
    merged: Table = {}
    for key in dict.fromkeys(key for table in tables for key in table):
        values = [table[key] for table in tables if key in table]
        if key in COUNTS:
            merged[key] = int(sum(values))
        elif key in WORST:
            merged[key] = int(max(values))
        else:
            merged[key] = round(float(np.mean(values)), 4)
    return merged
