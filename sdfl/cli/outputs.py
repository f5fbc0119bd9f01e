"""Files that verbs write: checks before the start, and what is left of them after a failure."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from sdfl.errors import ConfigError, SdflError, WriteError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from sdfl.files import Recording
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
    """Add to an error how many frames of a recording are kept; one of the recording itself says so already."""
    try:
        yield
    except WriteError:
        raise
    except SdflError as error:
        count = recorder.frames_written if recorder else 0
        kept = f"; {count} frames are kept in {recorder.path}" if recorder and count else ""
        raise type(error)(f"{error}{kept}") from error


@contextmanager
def text_out(option: str, path: Path) -> Iterator[TextIO]:
    """Open a text file for writing; what was written before Ctrl-C or a failure elsewhere is kept.

    Args:
        option: what errors call the file.
        path: of the file, "-" for standard output.

    Raises:
        ConfigError: the file cannot be opened.
        WriteError: the disk does not take all of it. An earlier file stays, and the whole lines are kept beside it.
    """
    if str(path) != "-":
        with _text_file(option, path) as file:
            yield file
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        if not is_closed_pipe(error):
            raise
        let_go_of_stdout()  # the reader, `head` for example, has seen enough


@contextmanager
def _text_file(option: str, path: Path) -> Iterator[TextIO]:
    from sdfl.files import Recording

    try:
        recording = Recording(path)
        raw = _RawFile(recording.path, "w")
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be written ({error.strerror})") from error
    file = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="surrogateescape", newline="")
    other: BaseException | None = None
    try:
        yield file
    except BaseException as error:
        other = error
    try:
        file.close()
        if raw.refusal is None:
            recording.finish()
    except OSError as error:
        if is_closed_pipe(error):
            other = other or error
        else:
            raw.refusal = raw.refusal or error
    if raw.refusal is not None:
        also = f"; {other}" if isinstance(other, SdflError) else ""
        reason = f"{option} {recording.failure(raw.refusal)}{_keep_whole_lines(recording)}"
        raise WriteError(f"{reason}{also}") from raw.refusal
    if other is not None:
        raise other


class _RawFile(io.FileIO):
    """A file that remembers why a write failed, since by the time it is closed another error may be on its way.

    Attributes:
        refusal: the first error of a write, None without one. A reader that closes its pipe is no error of the file.
    """

    refusal: OSError | None = None

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if not is_closed_pipe(error):
                self.refusal = self.refusal or error
            raise


def _keep_whole_lines(recording: Recording) -> str:
    """Keep what was written of a text file, less a last line that has no end; says where it lies."""
    if recording.is_special:
        return ""
    with recording.path.open("r+b") as file:
        lines = 0
        whole = 0
        for line in file:
            if line.endswith(b"\n"):
                lines, whole = lines + 1, whole + len(line)
        file.truncate(whole)
    beside = recording.keep_beside()
    return f"; {lines} whole {'line is' if lines == 1 else 'lines are'} kept in {beside}" if beside else ""


def is_closed_pipe(error: OSError) -> bool:
    """Whether nobody reads standard output any more, which Windows calls an invalid argument."""
    is_invalid_argument = error.errno == errno.EINVAL and error.filename is None
    return isinstance(error, BrokenPipeError) or (sys.platform == "win32" and is_invalid_argument)


def can_print() -> bool:
    """Whether standard output takes what is still to be printed."""
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


def let_go_of_stdout() -> None:
    """Let what is still to be printed vanish, for Python would complain about it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
