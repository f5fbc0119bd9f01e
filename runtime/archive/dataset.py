"""The folder of a dataset: which videos are done, where the next one is written, and who writes at the moment.

A video is done when its file has its name in `faces`. It is written under another name below `.work` and renamed, so
that there is never half of one; names follow from the videos, so that there are never two.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdfl.errors import ConfigError, DataError, WriteError
from sdfl.files import atomic_path, flush_to_disk, is_running, read_json, write_failure
from sdfl.runtime.archive.settings import Settings
from sdfl.runtime.archive.videos import Video, key_of

SUFFIX = ".parquet"
STALE_S = 60.0  # a run that has given no sign of life for so long is over
MOST_ATTEMPTS = 5  # workers that may die on a video


class Dataset:
    """A dataset's folder, as every process of a run sees it.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.faces = root / "faces"
        self._work = root / ".work"
        self._lock = self._work / "run.json"

    def file_of(self, video: Video) -> Path:
        """Where the labels of a video belong."""
        return self.faces / f"{video.name}{SUFFIX}"

    def part_of(self, video: Video, segment: int) -> Path:
        """Where the labels of a segment wait for the others."""
        return self.parts_of(video) / f"{segment:05}{SUFFIX}"

    def parts_of(self, video: Video) -> Path:
        """The folder of a video's segments."""
        return self._work / "parts" / video.name

    def names(self) -> set[str]:
        """The names of all videos that are done."""
        return {path.name[: -len(SUFFIX)] for path in self.faces.glob(f"*{SUFFIX}")}

    def has(self, name: str) -> bool:
        """Whether the video of that name is done."""
        return (self.faces / f"{name}{SUFFIX}").exists()

    def begin(self, settings: Settings) -> None:
        """Make the folder, or see that an earlier one was made with the same settings.

        Raises:
            ConfigError: the folder cannot be made, holds something else, or labels of other settings.
            WriteError: the disk takes no more.
        """
        about = self.root / "dataset.json"
        try:
            if about.exists():
                differences = settings.differences(_settings_in(about))
                if differences:
                    raise ConfigError(
                        f"{self.root}: was made with other settings ({'; '.join(differences)}); choose another folder, "
                        "or the same settings"
                    )
            elif self.root.exists() and any(self.root.iterdir()):
                raise ConfigError(f"{self.root}: holds other files; choose a new or empty folder")
            for folder in (self.faces, self._work / "new", self._work / "attempts", self._work / "parts"):
                folder.mkdir(parents=True, exist_ok=True)
            if not about.exists():
                with atomic_path(about) as path:
                    path.write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="utf-8")
        except (NotADirectoryError, FileExistsError):
            raise ConfigError(f"{self.root}: is a file, or lies below one; choose a folder") from None
        except OSError as error:
            raise WriteError(write_failure(self.root, error)) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from writing meanwhile, and remove what a run that was killed has left half done.

        Raises:
            ConfigError: another run writes into the dataset.
        """
        self._refuse_other_runs()
        self.show_life()
        for folder in ("new", "attempts"):
            for path in (self._work / folder).iterdir():
                path.unlink(missing_ok=True)
        try:
            yield
        finally:
            self._lock.unlink(missing_ok=True)

    def show_life(self) -> None:
        """Say that this run goes on; to be called at least every STALE_S."""
        if self._lock.exists():
            os.utime(self._lock)
        else:
            owner = {"computer": platform.node(), "process": os.getpid()}
            self._lock.write_text(json.dumps(owner), encoding="utf-8")

    def _refuse_other_runs(self) -> None:
        try:
            owner = json.loads(self._lock.read_text(encoding="utf-8"))
            now_file = self._work / "new" / uuid.uuid4().hex  # by the clock of the disk, which may be another computer
            now_file.touch()
            age_s = now_file.stat().st_mtime - self._lock.stat().st_mtime
            now_file.unlink()
        except (OSError, ValueError):
            return
        computer, process = owner.get("computer"), int(owner.get("process", 0))
        ended = computer == platform.node() and (process == os.getpid() or not is_running(process))
        if not ended and age_s < STALE_S:
            raise ConfigError(
                f"{self.root}: another run writes into it (process {process} on {computer}); wait for its end, "
                f"or {STALE_S:.0f} s if it was killed"
            )

    def remove_outdated(self, videos: Iterable[Video]) -> int:
        """Remove labels of videos that have changed since, and segments that nobody will join.

        Returns:
            The number of videos whose labels were removed.
        """
        names = {video.key: video.name for video in videos}
        outdated = [name for name in self.names() if names.get(key_of(name), name) != name]
        for name in outdated:
            (self.faces / f"{name}{SUFFIX}").unlink(missing_ok=True)
        for folder in (self._work / "parts").iterdir():
            if folder.name != names.get(key_of(folder.name)) or (self.faces / f"{folder.name}{SUFFIX}").exists():
                shutil.rmtree(folder, ignore_errors=True)
        return len(outdated)

    @contextmanager
    def new_file(self, target: Path) -> Iterator[Path]:
        """Give a path to write to; rename it to `target` at the end, remove it on any failure.

        Raises:
            WriteError: the disk does not take it.
        """
        path = self._work / "new" / f"{uuid.uuid4().hex}{SUFFIX}"
        try:
            yield path
            target.parent.mkdir(parents=True, exist_ok=True)
            flush_to_disk(path)
            path.replace(target)
        except OSError as error:
            raise WriteError(write_failure(self.root, error)) from error
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def begin_attempt(self, video: Video, segment: int) -> int:
        """Note that a worker begins with a video, before anything in it can end the worker.

        Returns:
            How many workers have begun with it in this run and not ended.
        """
        folder = self._work / "attempts"
        start = f"{video.name}.{segment}."
        before = sum(path.name.startswith(start) for path in folder.iterdir())
        (folder / f"{start}{uuid.uuid4().hex}").touch()
        return before

    def end_attempt(self, video: Video, segment: int) -> None:
        """Note that the worker has lived."""
        for path in (self._work / "attempts").glob(f"{video.name}.{segment}.*"):
            path.unlink(missing_ok=True)

    def fail(self, video: Video, reason: str) -> None:
        """Note why a video cannot be labelled, for its other segments and for attempts whose answer is lost."""
        with self.new_file(self._failure(video)) as path:
            path.write_text(reason, encoding="utf-8", errors="replace")

    def failure_of(self, video: Video) -> str | None:
        """Why the video could not be labelled in this run, None where nothing is known."""
        with suppress(FileNotFoundError):
            return self._failure(video).read_text(encoding="utf-8")
        return None

    def _failure(self, video: Video) -> Path:
        return self._work / "attempts" / f"{video.name}.failed"


def _settings_in(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except DataError as error:
        raise ConfigError(f"{error}; choose another folder") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds no settings of a dataset; choose another folder")
    return content
