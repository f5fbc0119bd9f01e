"""A short run of `make robust` with a camera that has every fault."""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import pytest
from robust import camera

pytestmark = [
    pytest.mark.robust,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are POSIX's"),
]


def test_a_faulty_camera_is_followed_or_ends_in_one_clear_line() -> None:
    (row,) = camera.rows(6, seed=1)
    assert not row.failures, str(row)
    assert row.outcomes == {"refused": 6}


def test_a_face_in_a_wrong_place_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial itself."""
    truth = camera.truth
    monkeypatch.setattr(camera, "truth", lambda x, y, radius: truth(x + radius, y, radius))
    outcome, words = camera.FaultyCameraTrial().prepare(tmp_path)(Random(1))
    assert outcome == "wrong"
    assert "px off" in words
