"""Writing files so that nothing half-written is ever left under its final name."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        temporary.replace(target)
    finally:
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
            temporary.replace(target)


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
