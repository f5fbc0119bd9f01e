"""Sets of rendered faces on disk: resumable, the same whatever the number of processes, nothing half-written.

Every finished face is a picture and a JSON file of its labels, written in this order; the lists that training reads
are made of these files. A face whose JSON file is there is never rendered again.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.checks import require_within
from sdfl.datasets import Sample, find_pictures
from sdfl.datasets.check import contact_sheet
from sdfl.errors import ConfigError, DataError
from sdfl.files import atomic_path, read_json
from sdfl.train.synthetic.build import Studio
from sdfl.train.synthetic.render import Renderer, require_bpy
from sdfl.train.synthetic.shot import compose, finish

SETTINGS, SHEET = "synth.json", "sheet.png"
LISTS = {68: "list_68pt.txt", 98: "list_98pt.txt"}
Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def silent(steps: Iterable[Any], _total: int) -> Iterable[Any]:
    """No progress bar."""
    return steps


@dataclass(frozen=True)
class Plan:
    """What a set of faces is made with; a folder holds faces of one plan.

    Attributes:
        seed: of all faces.
        size: side of the pictures in px.
        backgrounds: folder of pictures for backgrounds, "" for none.

    Raises:
        ConfigError: a value is out of range.
    """

    seed: int = 0
    size: int = 256
    backgrounds: str = ""

    def __post_init__(self) -> None:
        require_within("--seed", self.seed, 0, 2**31)
        require_within("--size", self.size, 64, 2048)
        if self.backgrounds and not Path(self.backgrounds).is_dir():
            raise ConfigError(f"--backgrounds {self.backgrounds}: is not a folder")


def generate(
    out: Path,
    count: int,
    plan: Plan,
    assets: Path,
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> int:
    """Render the faces 0 to `count` - 1 that a folder lacks, then write its lists and contact sheet.

    Args:
        out: the folder.
        count: of faces that it holds in the end.
        plan: what they are made with.
        assets: folder of the models, see `sdfl.train.synthetic.assets`.
        workers: processes that render, one thread each.
        progress: wraps the finished faces, of which the number is given, for a progress bar.

    Returns:
        How many faces were rendered now.

    Raises:
        ConfigError: a number is out of range, or the folder was made with another plan.
        DataError: an asset or a background is missing or cannot be read.
        MissingDependency: bpy is not installed.
    """
    require_within("--count", count, 1, 10_000_000)
    require_within("--workers", workers, 1, 512)
    claim(out, plan)
    try:
        return render_missing(_face, _label, out, count, plan, assets, workers=workers, progress=progress)
    finally:
        write_lists(out)


def render_missing(
    task: Callable[[Path, int], None],
    label: Callable[[Path, int], Path],
    out: Path,
    count: int,
    plan: Plan,
    assets: Path,
    *,
    workers: int,
    progress: Progress,
) -> int:
    """Do a task for each number whose label is missing, in processes that have loaded everything; see `generate`."""
    todo = [number for number in range(count) if not label(out, number).is_file()]
    if not todo:
        return 0
    pool = _processes(min(workers, len(todo)), assets, plan)
    try:
        tasks = [pool.submit(task, out, number) for number in todo]
        for each in progress(as_completed(tasks), len(tasks)):
            each.result()
    except BrokenProcessPool as error:
        raise DataError(
            f"{out}: a rendering process was ended; run again, with fewer --workers if memory is short"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
    return len(todo)


def claim(out: Path, plan: Plan) -> None:
    """Note what a folder's faces are made with. Raises ConfigError where it holds faces of another plan."""
    path = out / SETTINGS
    if not path.is_file():
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(asdict(plan)) + "\n", encoding="utf-8")
    elif (there := read_json(path)) != asdict(plan):
        raise ConfigError(f"{path}: the folder's faces were made with {there}; give the same options or another folder")


def write_lists(out: Path) -> None:
    """Write the lists for `data.train` and the contact sheet from the labels that a folder holds.

    Args:
        out: the folder of `generate`.
    """
    records = [
        (out / "faces" / f"{path.stem}.jpg", read_json(path)) for path in sorted((out / "labels").glob("*.json"))
    ]
    if not records:
        return
    for num_points, name in LISTS.items():
        with atomic_path(out / name) as temporary, temporary.open("w", encoding="utf-8") as file:
            for path, record in records:
                numbers = " ".join(f"{value:.2f}" for point in record[f"points_{num_points}"] for value in point)
                file.write(f"faces/{path.name} {numbers}\n")
    samples = [
        Sample(path, np.array(record["points_98"], np.float32), "wflw98", visible=np.array(record["visible_98"], bool))
        for path, record in records
    ]
    contact_sheet(samples, out / SHEET, rows=8, columns=10)


def _label(out: Path, number: int) -> Path:
    return out / "labels" / f"{number:06d}.json"


@dataclass
class Worker:
    """What a rendering process has loaded."""

    studio: Studio
    renderer: Renderer
    plan: Plan
    pictures: list[Path]


_worker: Worker | None = None


def _processes(workers: int, assets: Path, plan: Plan) -> Executor:
    """A pool of processes that have loaded everything; what is missing is told before the first one starts."""
    require_bpy()
    Studio(assets)
    pictures = find_pictures(Path(plan.backgrounds)) if plan.backgrounds else []
    if plan.backgrounds and not pictures:
        raise DataError(f"--backgrounds {plan.backgrounds}: holds no picture")
    context = multiprocessing.get_context("spawn")  # not forked: Blender has threads
    return ProcessPoolExecutor(workers, context, _start, (assets, plan, pictures))


def _start(assets: Path, plan: Plan, pictures: list[Path]) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its processes
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = Worker(Studio(assets), Renderer(), plan, pictures)


def _end_with_parent() -> None:
    """Where the parent was killed, nobody else would end this process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def loaded() -> Worker:
    """What this process of the pool has loaded."""
    assert _worker is not None, "only processes of the pool have one"
    return _worker


def _face(out: Path, number: int) -> None:
    """Render one face in a process of the pool."""
    worker = loaded()
    face = compose(worker.studio, worker.plan.seed, number, (worker.plan.size, worker.plan.size))
    picture = finish(face, worker.renderer, worker.pictures)
    for path, content in (
        (out / "faces" / f"{number:06d}.jpg", picture),
        (_label(out, number), json.dumps(face.record).encode()),
    ):
        with atomic_path(path) as temporary:
            temporary.write_bytes(content)
