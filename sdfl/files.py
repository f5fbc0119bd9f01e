"""Reading text that users supply, and writing files so that none is ever left half-written under its final name."""

from __future__ import annotations

import codecs
import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sdfl.errors import DataError

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


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; rename it to `target` on success, remove it on any failure.

    A device or pipe is given itself, and where `target` is a link, the file behind it is replaced.
    """
    if is_special(target):
        yield target
        return
    target = _behind_links(target)
    temporary = _temporary_path(target)
    try:
        yield temporary
        _replace(target, temporary)
    finally:
        with suppress(PermissionError):  # Windows removes no file that is still open; the reason is another error
            temporary.unlink(missing_ok=True)


@contextmanager
def recording_path(target: Path) -> Iterator[Path]:
    """Like `atomic_path`, for recordings: what was written before a failure or Ctrl-C is kept under `target`."""
    if is_special(target):
        yield target
        return
    target = _behind_links(target)
    temporary = _temporary_path(target)
    try:
        yield temporary
    finally:
        if temporary.exists():
            _replace(target, temporary)


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
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")


def cache_dir() -> Path:
    """Where this user's caches lie: below XDG_CACHE_HOME, else where the system keeps caches (~/.cache on Linux)."""
    folders = {
        "darwin": Path.home() / "Library" / "Caches",
        "win32": Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"),
    }
    chosen = os.environ.get("XDG_CACHE_HOME")
    return Path(chosen or folders.get(sys.platform, Path.home() / ".cache")) / "sdfl"
