"""Writing files so that nothing half-written is ever left under its final name."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OPEN_PAUSES_S = (0.05, 0.2, 0.5, 1.0)  # between attempts to replace a file that a program may have open


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; rename it to `target` on success, remove it on any failure.

    A device or pipe is given itself, and where `target` is a link, the file behind it is replaced.
    """
    if is_special(target):
        yield target
        return
    target = target.resolve()
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
    target = target.resolve()
    temporary = _temporary_path(target)
    try:
        yield temporary
    finally:
        if temporary.exists():
            _replace(target, temporary)


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
