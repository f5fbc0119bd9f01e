"""One run over an archive: what is left to do, who does it, what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sdfl.errors import SdflError, WriteError
from sdfl.runtime.archive.dataset import Dataset
from sdfl.runtime.archive.labelling import FAILED, STOP, Outcome, Task, Worker
from sdfl.runtime.archive.segments import cut
from sdfl.runtime.archive.settings import Opening, Settings
from sdfl.runtime.archive.tables import read_failures, write_failures, write_videos
from sdfl.runtime.archive.videos import Video, key_of

LIFE_S = 5.0  # between signs of life
TABLES_S = 60.0  # between tables that are brought up to date
CUTTERS = 4  # threads that read the packets of long videos

Schedule = Callable[[Sequence[Task], Worker], Iterator["Outcome | None"]]
"""Runs a worker on tasks, in any order, perhaps more than once; yields outcomes as they come, and None meanwhile."""


@dataclass
class Summary:
    """What came of a run.

    Attributes:
        total: videos that were named.
        before: of them, done by an earlier run.
        changed: labels that were removed, because their videos have changed.
        labelled: done by this run.
        failed: videos that cannot be labelled, with the reasons.
        frames: labelled by this run.
        video_s: their length.
        wall_s: time that the run took.
        bytes_done: size of the videos and segments that this run has labelled or given up.
        bytes_left: size of those that are left.
    """

    total: int
    before: int = 0
    changed: int = 0
    labelled: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    frames: int = 0
    video_s: float = 0.0
    wall_s: float = 0.0
    bytes_done: float = 0.0
    bytes_left: float = 0.0


def label_videos(
    videos: Sequence[Video],
    root: Path,
    settings: Settings,
    opening: Opening,
    schedule: Schedule,
    *,
    told: Callable[[Summary, int], None] | None = None,
) -> Summary:
    """Label every video that is not done yet.

    Args:
        videos: to be labelled.
        root: folder of the dataset.
        settings: what the labels depend on.
        opening: of the workers' landmarkers.
        schedule: runs the workers.
        told: called after every outcome and now and then, with the number of videos that are left.

    Raises:
        ConfigError: the folder holds something else or labels of other settings, or another run writes into it.
        WriteError: the disk takes no more.
        SdflError: a worker cannot work, or videos were lost.
    """
    dataset = Dataset(root.absolute())
    dataset.begin(settings)
    with dataset.locked():
        summary = Summary(len(videos), changed=dataset.remove_outdated(videos))
        done = dataset.names()
        left = [video for video in videos if video.name not in done]
        summary.before = len(videos) - len(left)
        keys = {video.key for video in left}
        earlier = {name: row for name, row in read_failures(dataset).items() if key_of(name) not in keys}
        try:
            if left:
                outcomes = schedule(_tasks(left, settings), Worker(dataset.root, settings, opening))
                _Run(dataset, summary, left, told).follow(outcomes)
        finally:
            rows = {video.name: video for video in left if video.name in summary.failed}
            failures = [
                {"video": video.shown, "name": name, "reason": summary.failed[name]} for name, video in rows.items()
            ]
            write_failures(dataset, [*earlier.values(), *failures])
            write_videos(dataset)
    return summary


def _tasks(videos: Sequence[Video], settings: Settings) -> list[Task]:
    """The largest video first, so that no worker begins with it when the others have finished."""
    by_size = sorted(videos, key=lambda video: (-video.size_bytes, video.address))
    if settings.segment_s is None:
        return [Task(video) for video in by_size]
    longest_s = settings.segment_s

    def tasks_of(video: Video) -> list[Task]:
        # A video of a bucket would have to be copied for each of its segments.
        segments = [] if video.is_remote else cut(Path(video.address), longest_s)
        return [Task(video, segment) for segment in segments] or [Task(video)]

    with ThreadPoolExecutor(CUTTERS) as pool:
        return [task for tasks in pool.map(tasks_of, by_size) for task in tasks]


class _Run:
    """Follows the outcomes of a run."""

    def __init__(
        self, dataset: Dataset, summary: Summary, left: Sequence[Video], told: Callable[[Summary, int], None] | None
    ) -> None:
        self._dataset, self._summary, self._told = dataset, summary, told
        self._left = {video.name for video in left}
        self._bytes = {video.name: max(0, video.size_bytes) for video in left}
        summary.bytes_left = sum(self._bytes.values())
        self._begin_s = self._alive_s = self._tables_s = time.monotonic()

    def follow(self, outcomes: Iterator[Outcome | None]) -> None:
        """Count outcomes until there are no more."""
        for outcome in outcomes:
            if outcome is not None:
                self._count(outcome)
            self._show()
        self._summary.wall_s = time.monotonic() - self._begin_s
        missing = self._left - self._dataset.names()
        if missing:
            raise SdflError(f"{self._dataset.root}: {len(missing)} videos were not labelled; start the command again")

    def _count(self, outcome: Outcome) -> None:
        summary = self._summary
        if outcome.kind == STOP:
            raise WriteError(outcome.reason)
        summary.frames += outcome.frames
        summary.video_s += outcome.video_s
        size = self._bytes[outcome.name] * outcome.share
        summary.bytes_done, summary.bytes_left = summary.bytes_done + size, max(0.0, summary.bytes_left - size)
        if outcome.kind == FAILED:
            summary.failed.setdefault(outcome.name, outcome.reason)
            self._left.discard(outcome.name)
        elif outcome.name in self._left and self._dataset.has(outcome.name):
            summary.labelled += 1
            self._left.discard(outcome.name)

    def _show(self) -> None:
        now_s = time.monotonic()
        self._summary.wall_s = now_s - self._begin_s
        if now_s - self._alive_s > LIFE_S:
            self._alive_s = now_s
            self._dataset.show_life()
        if now_s - self._tables_s > TABLES_S:
            self._tables_s = now_s
            write_videos(self._dataset)
        if self._told:
            self._told(self._summary, len(self._left))
