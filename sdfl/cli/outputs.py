"""Files that verbs write: checks before the start, and what is left of them after a failure."""

from __future__ import annotations

import errno
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
    """Refuse outputs that would replace the source or each other.

    Args:
        source: what is read; need not be a file.
        outputs: option -> the file that it names, None where it is not given.

    Raises:
        ConfigError: names the option.
    """
    from sdfl.files import is_special

    source_path = _path_of_source(source)
    taken = {source_path: "the source"} if source_path else {}
    for option, path in outputs.items():
        if path is None or is_special(path):
            continue
        place = path if str(path) == "-" else path.resolve()
        other = taken.setdefault(place, option)
        if source_path in place.parents and place.exists():
            other = "a file of the source"
        if other != option:
            raise ConfigError(f"{option} {path}: is {other} too; choose another name")


def _path_of_source(source: str) -> Path | None:
    """The file or folder that a source names, None for cameras, streams and what is not there."""
    from sdfl.errors import SourceError
    from sdfl.runtime.sources.addresses import path_of

    try:
        named = path_of(source) if source.lower().startswith("file:/") else Path(source).expanduser()
    except (SourceError, RuntimeError):
        named = Path(source)
    # Unlike Path.exists, os.path.exists is no error for an address that is too long to be a path.
    for path in (Path(source), named):
        if source and os.path.exists(path):  # noqa: PTH110
            return path.resolve()
    return None


@contextmanager
def naming_what_is_kept(recorder: Recorder | None) -> Iterator[None]:
    """Add to an error how many frames of a recording are kept."""
    try:
        yield
    except SdflError as error:
        count = recorder.frames_written if recorder else 0
        kept = f"; {count} frames are kept in {recorder.path}" if recorder and count else ""
        raise type(error)(f"{error}{kept}") from error


@contextmanager
def text_out(option: str, path: Path) -> Iterator[TextIO]:
    """Open a text file for writing; what was written before a failure or Ctrl-C is kept.

    Args:
        option: what errors call the file.
        path: of the file, "-" for standard output.

    Raises:
        ConfigError: the file cannot be written.
    """
    from sdfl.files import recording_path

    if str(path) != "-":
        try:
            with (
                recording_path(path) as temporary,
                temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
            ):
                yield file
        except OSError as error:
            if is_closed_pipe(error):  # of standard output, which is written beside this file
                raise
            raise ConfigError(f"{option} {path}: cannot be written ({error.strerror})") from error
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        if not is_closed_pipe(error):
            raise
        let_go_of_stdout()  # the reader, `head` for example, has seen enough


def is_closed_pipe(error: OSError) -> bool:
    """Whether nobody reads standard output any more, which Windows calls an invalid argument."""
    is_invalid_argument = error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and is_invalid_argument)


def let_go_of_stdout() -> None:
    """Let what is still to be printed vanish, for Python would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
