"""Giving free memory back to the system.

glibc keeps what was freed in the middle of a heap, and every thread may get another heap. Models that are opened and
closed in threads of their own leave such gaps, and the process grows although nothing is lost.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def hand_back_free_memory() -> None:
    """Give all pages of the C library that hold nothing back to the system; does nothing where that is not glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], object] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; Windows has none of this name
        return None
