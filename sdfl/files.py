"""Reading text that users supply, and writing files so that none is ever left half-written under its final name."""

from __future__ import annotations

import codecs
import errno
import glob
import hashlib
import json
import os
import platform
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from sdfl.errors import DataError, SdflError, WriteError

_ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(path: Path) -> str:
    """Read a text file as editors and shells of all systems write it.

    It may be UTF-8 with or without a byte order mark, or UTF-16 with one, as `>` in Windows PowerShell writes it.

    Returns:
        The text without the mark; lines end in a line feed, whatever they end in in the file.

    Raises:
        DataError: names the file that cannot be read or has another encoding, and the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    encoding = next((name for mark, name in _ENCODINGS.items() if content.startswith(mark)), "utf-8")
    try:
        text = _with_line_feeds(content.decode(encoding))
    except UnicodeDecodeError as error:
        line = _with_line_feeds(content[: error.start].decode(encoding, "ignore")).count("\n") + 1
        kind = "UTF-8" if encoding.startswith("utf-8") else "UTF-16, although the file begins as such"
        raise DataError(f"{path}:{line}: is not text in {kind}; save the file as UTF-8") from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise DataError(f"{path}:{line}: holds a zero byte, so it is no text in UTF-8; save the file as UTF-8")
    return text.replace("\n\ufeff", "\n")  # of a file that was appended to another


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def numbered_lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a text file that are not blank, each with its place, `<file>:<line>`, in front.

    Raises:
        DataError: see `read_text`.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    return [(f"{path}:{number}", line) for number, line in lines if line.strip()]


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: names the file that cannot be read or holds no JSON, and the line.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: is not valid JSON ({error.msg}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise DataError(f"{path}: is not valid JSON ({error})") from error


OPEN_PAUSES_S = (0.05, 0.2, 0.5, 1.0)  # between attempts to replace a file that a program may have open
ADVICE = {  # what a disk answers that takes no more -> what to do
    errno.ENOSPC: "free some space or choose another disk",
    getattr(errno, "EDQUOT", None): "free some space of your quota or choose another disk",
    errno.EFBIG: "choose a file system or a limit that allows larger files",
}


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; rename it to `target` on success, remove it on any failure.

    A device or pipe is given itself, and where `target` is a link, the file behind it is replaced.

    Raises:
        WriteError: the temporary file cannot be written whole.
    """
    recording = Recording(target)
    try:
        yield recording.path
        recording.finish()
    except Exception as error:
        refusal = _refusal(recording.path, error)
        if refusal is None:
            raise
        raise WriteError(recording.failure(refusal)) from error
    finally:
        if not recording.is_special:
            with suppress(PermissionError):  # Windows removes no file that is open; the reason is another error
                recording.path.unlink(missing_ok=True)


@contextmanager
def atomic_pair(first: Path, second: Path) -> Iterator[tuple[Path, Path]]:
    """Give temporary paths for two files that belong together, as `atomic_path` does for one.

    No file system renames two files at once. Both are on the disk before the second and then the first get their names,
    so that only a kill in these microseconds leaves two that do not match; whoever reads them has to compare a hash.

    Raises:
        WriteError: a temporary file cannot be written whole.
    """
    with atomic_path(first) as first_temporary, atomic_path(second) as second_temporary:
        yield first_temporary, second_temporary
        for path in (first_temporary, second_temporary):
            flush_to_disk(path)


def _refusal(path: Path, error: BaseException | None) -> OSError | None:
    """The error of writing to `path` that another one hides: torch answers a full disk with a RuntimeError."""
    while error is not None and not isinstance(error, SdflError):
        if isinstance(error, OSError):
            return error if error.filename in (None, str(path)) else None
        error = error.__context__
    return None


class Recording:
    """A file that is written little by little. A device or pipe is written to directly.

    `finish` gives it its name, also after Ctrl-C or an error elsewhere; `keep_beside` is for what a failed write left.
    Where `target` is a link, the file behind it is replaced. Temporary files of dead processes are removed.

    Args:
        target: the file to write.

    Attributes:
        path: where to write.
        is_special: whether that is a device or a pipe.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, target: Path) -> None:
        self._shown = target
        self.is_special = is_special(target)
        self._target = target if self.is_special else _behind_links(target)
        self.path = target if self.is_special else _temporary_path(self._target)

    def finish(self) -> None:
        """Give the file its name; does nothing where there is no file or it was kept beside.

        Raises:
            OSError: the disk did not take all of it, or a file of that name cannot be replaced.
        """
        if self.is_special or not self.path.exists():
            return
        flush_to_disk(self.path)
        _replace(self._target, self.path)

    def keep_beside(self) -> Path | None:
        """Name an unfinished file `<stem>.incomplete<suffix>`, with a number where there is one already.

        Returns:
            Its path, None where nothing was written.
        """
        if self.is_special or not self.path.exists():
            return None
        if not self.path.stat().st_size:
            self.path.unlink()
            return None
        stem, suffix = self._target.stem, self._target.suffix
        names = (f"{stem}.incomplete{'' if number == 1 else f'-{number}'}{suffix}" for number in count(1))
        beside = next(path for name in names if not (path := self._target.with_name(name)).exists())
        _replace(beside, self.path)
        return beside

    def failure(self, error: OSError) -> str:
        """One line about why the file cannot be written and what to do.

        Args:
            error: of the write.
        """
        there = not self.is_special and self._target.exists()
        return write_failure(self._shown, error) + ("; the earlier file is unchanged" if there else "")


def write_failure(path: object, error: OSError) -> str:
    """One line about what cannot be written, why, and what to do.

    Args:
        path: of the file or folder, or what else to call it.
        error: of the write.
    """
    advice = ADVICE.get(error.errno, "check the disk and the rights")
    return f"{path}: cannot be written ({error.strerror or error}); {advice}"


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has a file: some file systems report a full disk, a quota or a fault only now."""
    with path.open("r+b") as file:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # the file system has no such thing
                raise


def _behind_links(target: Path) -> Path:
    """The file that a path leads to, there or not. Raises OSError for links that lead to each other."""
    try:
        resolved = target.resolve()
        loops = resolved.is_symlink()  # what newer Pythons leave of a loop
    except RuntimeError:  # what older ones raise
        loops = True
    if loops:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(target))
    return resolved


def _replace(target: Path, temporary: Path) -> None:
    """Give the temporary file its final name.

    Raises:
        PermissionError: names the target; on Windows after some attempts, since a virus scanner opens new files for a
            moment, and no file can be replaced while a program has it open.
    """
    pauses_s = iter(OPEN_PAUSES_S if sys.platform == "win32" else ())
    while True:
        try:
            temporary.replace(target)
            return
        except PermissionError as error:
            pause_s = next(pauses_s, None)
            if pause_s is None:
                raise PermissionError(error.errno, error.strerror, str(target)) from error
            time.sleep(pause_s)


def is_special(path: Path) -> bool:
    """Whether `path` is there and neither a file nor a folder: /dev/null, a pipe."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _temporary_path(target: Path) -> Path:
    """A name for this process beside `target`; removes what processes of this computer that are gone left for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    computer = hashlib.sha256(platform.node().encode()).hexdigest()[:8]  # others may write into a shared folder too
    start, end = f".{target.stem}.{computer}-", f".part{target.suffix}"
    for path in target.parent.glob(f"{glob.escape(start)}*{glob.escape(end)}"):
        number = path.name[len(start) : -len(end)]
        if number.isdecimal() and not is_running(int(number)):
            with suppress(OSError):
                path.unlink()
    return target.with_name(f"{start}{os.getpid()}{end}")


def is_running(process: int) -> bool:
    """Whether a process of this computer is there; on Windows, whether it is this one."""
    if sys.platform == "win32":  # os.kill would end it; and no file can be removed there while a process has it open
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def cache_dir() -> Path:
    """Where this user's caches lie: below XDG_CACHE_HOME, else where the system keeps caches (~/.cache on Linux)."""
    folders = {
        "darwin": Path.home() / "Library" / "Caches",
        "win32": Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"),
    }
    chosen = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen or folders.get(sys.platform, Path.home() / ".cache")) / "sdfl"
