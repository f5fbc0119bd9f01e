"""Only the latest item counts, and nobody waits for a slow consumer."""

from __future__ import annotations

import threading
import time

import pytest

from sdfl.runtime.sources.latest_frame import Latest


def test_a_slow_consumer_gets_only_the_latest() -> None:
    slot: Latest[str] = Latest()
    for item in ("a", "b", "c"):
        slot.put(item)
    assert slot.get(0, 0.0) == (3, "c")


def test_the_same_item_is_not_given_twice_to_one_consumer() -> None:
    slot: Latest[str] = Latest()
    slot.put("a")
    number, _ = slot.get(0, 0.0)
    with pytest.raises(TimeoutError):
        slot.get(number, 0.01)
    assert slot.get(0, 0.0) == (1, "a"), "another consumer still gets it"


def test_a_waiting_consumer_wakes_when_something_arrives() -> None:
    slot: Latest[str] = Latest()
    threading.Timer(0.05, slot.put, ["late"]).start()
    started_s = time.monotonic()
    assert slot.get(0, 5.0) == (1, "late")
    assert time.monotonic() - started_s < 2.0


def test_an_empty_slot_and_no_patience_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        Latest[str]().get(0, 0.0)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param(None, EOFError, id="an end without a reason"),
        pytest.param(KeyError("unplugged"), KeyError, id="the reason is passed on"),
    ],
)
def test_closing_wakes_a_waiting_consumer(reason: Exception | None, expected: type[Exception]) -> None:
    slot: Latest[str] = Latest()
    threading.Timer(0.05, slot.close, [reason]).start()
    with pytest.raises(expected):
        slot.get(0, 5.0)
    slot.close(ValueError("later"))
    with pytest.raises(expected):
        slot.get(0, 0.0)
