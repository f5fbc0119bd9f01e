"""Files that verbs write: checks before the start, and what is kept after a failure."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sdfl.errors import ConfigError, SdflError

if TYPE_CHECKING:
    from sdfl.runtime.outputs.video_file import Recorder


def check_outputs(source: str, outputs: dict[str, Path | None]) -> None:
    """outputs: option -> file. Raises ConfigError where one would replace the source or another one."""
    from sdfl.files import is_special

    taken = {Path(source).resolve(): "the source"} if Path(source).exists() else {}
    for option, path in outputs.items():
        if path is None or str(path) == "-" or is_special(path):
            continue
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise ConfigError(f"{option} {path}: is {other} too; choose another name")


@contextmanager
def what_is_kept(recorder: Recorder | None) -> Iterator[None]:
    """Adds to an error how much of a recording there is."""
    try:
        yield
    except SdflError as error:
        kept = f"; {recorder.frames_written} frames are kept in {recorder.path}" if recorder else ""
        raise type(error)(f"{error}{kept}") from error


@contextmanager
def text_out(option: str, path: Path) -> Iterator[TextIO]:
    """Standard output for "-", else a new file that keeps what was written before a failure or Ctrl-C."""
    from sdfl.files import recording_path

    if str(path) != "-":
        try:
            with recording_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                yield file
        except BrokenPipeError:  # of standard output, which is written beside this file
            raise
        except OSError as error:
            raise ConfigError(f"{option} {path}: cannot be written ({error.strerror})") from error
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
