"""A soak of twenty seconds, and what a long one must not overlook."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from robust import soak
from robust.soak import Sample

pytestmark = pytest.mark.robust


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and descriptors of another process are read from /proc")
def test_twenty_seconds() -> None:
    pytest.importorskip("uvicorn", reason="the page's server comes with the extra demo")
    row = soak.soak(20)
    assert not row.failures, str(row)


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        pytest.param(
            lambda i: Sample(i, 300.0 + i % 7, 16 + (i % 10 == 0), 9 + i % 2, i % 60, i), "", id="it only moves"
        ),
        pytest.param(lambda i: Sample(i, min(300.0, 200.0 + 2 * i), 16, 9, i, i // 10), "", id="it warms up"),
        pytest.param(
            lambda i: Sample(i, 200.0 + 0.2 * i, 16, 9, i, i), "memory grows by 720.0 MB/h, 19.8 MB", id="memory"
        ),
        pytest.param(
            lambda i: Sample(i, 200.0, 16 + i // 20, 9, i, i), "threads became more: at least 18", id="threads"
        ),
        pytest.param(lambda i: Sample(i, 200.0, 16, 9 + i // 30, i, i), "descriptors became more", id="descriptors"),
        pytest.param(lambda i: Sample(i, 200.0, 16, 9, min(i, 50), i), "stands still at frame 50", id="no frames"),
        pytest.param(lambda i: Sample(i, 200.0, 16, 9, i, min(i, 7)), "no change after 7", id="no changes"),
    ],
)
def test_what_grows_is_seen(sample: Callable[[int], Sample], problem: str) -> None:
    found = soak.verdict([sample(index) for index in range(200)])
    assert problem in found
    assert bool(problem) == bool(found)


@pytest.mark.parametrize(("text", "length_s"), [("20s", 20), ("10m", 600), ("8h", 28_800), ("0.5h", 1800)])
def test_durations(text: str, length_s: float) -> None:
    assert soak.seconds(text) == length_s


def test_what_is_no_duration_says_so() -> None:
    with pytest.raises(ValueError, match=r"a duration is a number and s, m or h, such as 8h; got '8 hours'"):
        soak.seconds("8 hours")
