"""Labelling one video, or one segment of it, into one file. Plain Python: whatever schedules it calls `Worker`."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2

from sdfl.errors import SdflError, SourceError, WriteError
from sdfl.pictures import MAX_PIXELS
from sdfl.runtime.archive.dataset import MOST_ATTEMPTS, Dataset
from sdfl.runtime.archive.joining import join
from sdfl.runtime.archive.rows import RowWriter
from sdfl.runtime.archive.segments import Segment, SegmentSource
from sdfl.runtime.archive.settings import Opening, Settings, check_same_package, landmarker_of
from sdfl.runtime.archive.videos import Video, fetch
from sdfl.runtime.sources import FrameSource, VideoSource
from sdfl.types import Frame

REPORT_S = 2.0
DONE, FAILED, STOP = "done", "failed", "stop"


@dataclass(frozen=True)
class Task:
    """What a worker is given.

    Attributes:
        video: to label.
        segment: of it, None for the whole video.
    """

    video: Video
    segment: Segment | None = None


@dataclass(frozen=True)
class Progress:
    """How far a worker is.

    Attributes:
        video: what it labels, as `Video.shown`.
        segment: number of the segment, from 0; None for a whole video.
        frames: labelled so far.
        video_s: their length.
    """

    video: str
    segment: int | None
    frames: int
    video_s: float


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
        name: of the video.
        video: `Video.shown`.
        kind: DONE, FAILED because of the video, or STOP because of the dataset or the model: others would fail, too.
        reason: one line where it failed or stopped.
        frames: labelled now; 0 where an earlier attempt had done it.
        video_s: their length.
        share: of the video, 1 unless it is cut into segments.
    """

    name: str
    video: str
    share: float = 1.0
    kind: str = DONE
    reason: str = ""
    frames: int = 0
    video_s: float = 0.0


Report = Callable[[Progress], None]


@dataclass(frozen=True)
class Worker:
    """Labels videos; can be sent to other processes and computers.

    Attributes:
        root: absolute path of the dataset, which every computer sees.
        settings: of the run.
        opening: of the landmarker.
    """

    root: Path
    settings: Settings
    opening: Opening

    def __call__(self, task: Task, report: Report) -> Outcome:
        """Label a video or segment, unless that was done before. Never raises an expected error.

        Args:
            task: what to label.
            report: told about the progress every two seconds.
        """
        video, dataset = task.video, Dataset(self.root)
        outcome = partial(Outcome, video.name, video.shown, 1 / task.segment.count if task.segment else 1.0)
        try:
            check_same_package(self.settings)
            frames, video_s = self._label(task, dataset, report)
            return outcome(frames=frames, video_s=video_s)
        except SourceError as error:
            reason = _without_text(str(error), video)
            dataset.fail(video, reason)
            dataset.end_attempt(video, _number(task))
            return outcome(FAILED, reason)
        except (SdflError, OSError) as error:
            return outcome(STOP, str(error))

    def _label(self, task: Task, dataset: Dataset, report: Report) -> tuple[int, float]:
        """Returns the number of frames that were labelled now, and their length in seconds."""
        video, segment = task.video, task.segment
        target = dataset.file_of(video) if segment is None else dataset.part_of(video, segment.number)
        frames, video_s = 0, 0.0
        if not dataset.file_of(video).exists():
            if reason := dataset.failure_of(video):  # of another segment, or of an attempt whose answer was lost
                raise SourceError(reason)
            if not target.exists():
                if dataset.begin_attempt(video, _number(task)) >= MOST_ATTEMPTS:
                    raise SourceError(
                        f"{video.shown}: {MOST_ATTEMPTS} workers died while they labelled it; its frames may need too "
                        "much memory, or its decoder crashes"
                    )
                with dataset.new_file(target) as path:
                    frames, video_s = self._write(path, task, report)
                dataset.end_attempt(video, _number(task))
            if segment is not None:
                join(dataset, video, segment.count, self.settings)
        return frames, video_s

    def _write(self, path: Path, task: Task, report: Report) -> tuple[int, float]:
        """Track the frames of a task; returns their number and their length in seconds."""
        video, remarks = task.video, list[str]()
        cv2.setNumThreads(self.opening.threads)
        landmarker = landmarker_of(self.opening)
        begin_s = time.monotonic()
        with (
            _opened(task, self.opening.threads, remarks.append) as source,
            RowWriter(path, video.shown, self.settings.num_points) as rows,
        ):
            frames = _Counted(source, task, report)
            update = landmarker.follow(source)
            size: tuple[int, ...] = (0, 0)
            for frame in frames:
                rows.add(frame, update(frame))
                size = frame.image.shape[:2]
            duration_s = frames.last_s - frames.first_s + 1 / source.fps
            about = {
                "video": video.shown, "size_bytes": video.size_bytes, "modified": video.modified,
                "frames": frames.count, "duration_s": duration_s,
                "fps": source.fps, "width": size[1], "height": size[0], "rows": rows.rows + rows.waiting,
                "labelling_s": round(time.monotonic() - begin_s, 3),
                "remarks": [_without_text(each, video) for each in remarks],
            }  # fmt: skip
            if task.segment is not None:
                about |= {"begin": task.segment.begin, "warm_up": task.segment.warm_up}
            rows.finish(about | {"settings": asdict(self.settings)})
        return frames.count, duration_s


class _Counted:
    """The frames of a source, counted and reported while they pass."""

    def __init__(self, source: FrameSource, task: Task, report: Report) -> None:
        self._source, self._task, self._report = source, task, report
        self.count, self.first_s, self.last_s = 0, 0.0, 0.0

    def __iter__(self) -> Iterator[Frame]:
        segment, shown = self._task.segment, self._task.video.shown
        told_s = -math.inf
        for frame in self._source:
            yield frame
            if not (segment and frame.index < segment.begin):
                self.first_s = self.first_s if self.count else frame.timestamp_s
                self.count, self.last_s = self.count + 1, frame.timestamp_s
            now_s = time.monotonic()
            if now_s - told_s >= REPORT_S:
                told_s = now_s
                number = segment.number if segment else None
                self._report(Progress(shown, number, self.count, self.last_s - self.first_s))


@contextmanager
def _opened(task: Task, threads: int, say: Callable[[str], None]) -> Iterator[FrameSource]:
    """The frames of a task. A video of a bucket is copied first, for decoders jump to and fro."""
    video = task.video
    with ExitStack() as stack:
        path = Path(video.address)
        if video.is_remote:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sdfl-"))
            path = Path(folder) / f"video{Path(video.address.partition('?')[0]).suffix}"
            try:
                fetch(video, path)
            except OSError as error:
                raise WriteError(f"{path}: cannot be written ({error.strerror or error}); free some space") from error
        if task.segment is not None:
            yield stack.enter_context(SegmentSource(path, task.segment, name=video.shown, threads=threads, say=say))
            return
        source = stack.enter_context(
            VideoSource(path, name=video.shown, max_pixels=MAX_PIXELS, threads=threads, say=say)
        )
        if source.stills:
            raise SourceError(f"{video.shown}: is a picture, not a video; `sdfl track` reads pictures")
        yield source


def _number(task: Task) -> int:
    return task.segment.number if task.segment else 0


def _without_text(line: str, video: Video) -> str:
    """A message without the video in front, which has a column of its own."""
    return line.removeprefix(f"{video.shown}: ")
