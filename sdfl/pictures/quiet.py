"""Pillow without what it does for the whole program: its warnings, its log and its size limit."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import Image as Pil

_lock = threading.Lock()
_inside = 0
_restore = ExitStack()  # what the last thread out undoes


@contextmanager
def quiet(max_pixels: int = 0) -> Iterator[None]:
    """Ignore warnings of Pillow, which mean nothing to the person at the terminal, and its own limit if it is lower.

    Any number of threads may be inside; the last one out restores everything.

    Args:
        max_pixels: the limit that counts instead.
    """
    global _inside
    with _lock:
        if not _inside:
            _restore.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module=r"PIL\.")
            _silence_log()
        limit = Pil.MAX_IMAGE_PIXELS
        if limit is not None and max_pixels > 2 * limit:  # where Pillow refuses, not only warns
            Pil.MAX_IMAGE_PIXELS = None
            _restore.callback(setattr, Pil, "MAX_IMAGE_PIXELS", limit)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _restore.close()


def _silence_log() -> None:
    """Without a handler of the program, Python prints what libraries log; a handler that does nothing prevents that."""
    log = logging.getLogger("PIL")
    if not any(isinstance(handler, logging.NullHandler) for handler in log.handlers):
        log.addHandler(logging.NullHandler())
