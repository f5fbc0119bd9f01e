"""What a closed model leaves is given back to the system."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from toy_face import box_of, scene, toy_network

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.live import memory, switchboard
from sdfl.runtime.sources import MemorySource

BLOCKS, BLOCK_BYTES = 1000, 100_000  # smaller than those that glibc gives back one by one
WITH_GLIBC = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim")


@pytest.mark.skipif(not WITH_GLIBC, reason="only glibc keeps what is free, and has malloc_trim")
def test_free_memory_between_used_one_is_given_back() -> None:
    blocks = [b"%d" % number * (BLOCK_BYTES // len(str(number))) for number in range(BLOCKS)]
    kept = blocks[::100]
    del blocks
    before = _resident_bytes()
    memory.hand_back_free_memory()
    assert before - _resident_bytes() > BLOCKS * BLOCK_BYTES / 2
    assert len(kept) == BLOCKS / 100


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_changes_nothing(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise error

    memory._malloc_trim.cache_clear()
    monkeypatch.setattr(memory.ctypes, "CDLL", refuse)
    memory.hand_back_free_memory()
    memory._malloc_trim.cache_clear()


def test_memory_is_given_back_after_the_model_before_was_closed(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FaceLandmarker] = []
    given_back = threading.Event()
    closed: list[bool] = []

    def new_landmarker(*_: object, smoothing: bool, **__: Any) -> FaceLandmarker:
        detector = FakeDetector([box_of(160, 120, 40)])
        made.append(FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=detector, smoothing=smoothing))
        return made[-1]

    def give_back() -> None:
        closed.append(made[0]._closed)
        given_back.set()

    monkeypatch.setattr(switchboard, "hand_back_free_memory", give_back)
    source = MemorySource([scene((160, 120, 40))] * 3)
    with switchboard.Switchboard("nano", new_landmarker=new_landmarker) as board:
        update = board.follow(source)
        first, second, third = source
        update(first)
        board.change({"smoothing": False})
        if board._loading is not None:
            board._loading.join(10)
        update(second)
        assert given_back.wait(10)
        update(third)
    assert closed == [True]


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
