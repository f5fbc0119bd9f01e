"""A short run of `make robust` with damaged requests against the page."""

from __future__ import annotations

import sys

import pytest
from raw_http import Answer
from robust import page

pytest.importorskip("uvicorn", reason="the page's server comes with the extra demo")
pytestmark = [
    pytest.mark.robust,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="limits of memory are POSIX's"),
]


def test_damaged_requests_are_refused_and_lock_nobody_out() -> None:
    (row,) = page.rows(60, seed=1)
    assert not row.failures, str(row)
    assert min(row.outcomes["clean"], row.outcomes["refused"]) > 5


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(Answer([200], b"...", True), "clean", id="answered"),
        pytest.param(Answer([400], b"HTTP/1.1 400 \r\n\r\nInvalid", True), "refused", id="refused"),
        pytest.param(Answer([200, 500], b"...", True), "traceback", id="the second fails"),
        pytest.param(Answer([], b"", False), "hang", id="no answer and no end"),
        pytest.param(Answer([400], b"", True), "unclear", id="no reason"),
    ],
)
def test_answers_are_told_from_each_other(answer: Answer, outcome: str) -> None:
    assert page.outcome_of(answer, True)[0] == outcome
