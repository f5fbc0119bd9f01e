"""Running something in several threads at once, in a way that makes mistakes likely to show."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from sdfl.types import Face, FloatArray

THREADS = 4


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Python changes threads a thousand times more often than usual, so that what can go wrong does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """work(number) of each thread, all begun at the same moment."""
    begin = threading.Barrier(count)

    def begun(number: int) -> Any:
        begin.wait(timeout=60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begun, range(count)))


def points_of(faces: Sequence[Face]) -> FloatArray:
    (face,) = faces
    return np.asarray(face.landmarks)
