"""Cameras and streams: the newest frame counts, a lost one is reported, a stream comes back."""

from __future__ import annotations

import inspect
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sdfl.errors import SourceError
from sdfl.runtime.live.pipeline import run
from sdfl.runtime.results import results
from sdfl.runtime.sources import LiveSource, live
from sdfl.runtime.sources.browser import BrowserSource
from sdfl.types import Frame

LOST = "stopped sending pictures; check its cable, then start again"


class ScriptedCapture:
    """A reader that gives `pictures`, then fails, or hangs until it is told to go on."""

    def __init__(self, pictures: Sequence[npt.NDArray[Any]], *, pause_s: float = 0.0, hang: bool = False) -> None:
        self._pictures, self._pause_s, self._hang = iter(pictures), pause_s, hang
        self.released = threading.Event()
        self.go_on = threading.Event()

    def read(self) -> tuple[bool, npt.NDArray[Any]]:
        time.sleep(self._pause_s)
        picture = next(self._pictures, None)
        if picture is not None:
            return True, picture
        if self._hang:
            self.go_on.wait(5.0)
        return False, np.zeros(0, np.uint8)

    def get(self, prop: int, /) -> float:
        return 0.0

    def release(self) -> None:
        self.released.set()


def pictures(count: int, size: int = 4) -> list[npt.NDArray[Any]]:
    return [np.full((size, size, 3), index % 256, np.uint8) for index in range(count)]


def open_live(
    capture: ScriptedCapture, reopen: Callable[[], ScriptedCapture | None] = lambda: None, **options: Any
) -> LiveSource:
    return LiveSource("camera 0", capture, reopen, lost=LOST, **options)


def test_a_slow_consumer_skips_to_the_newest_frame() -> None:
    with open_live(ScriptedCapture(pictures(200), pause_s=0.002, hang=True)) as source:
        frames = iter(source)
        first = next(frames)
        time.sleep(0.1)
        second = next(frames)
    assert second.image[0, 0, 0] - first.image[0, 0, 0] > 5
    assert (first.index, second.index) == (0, 1)
    assert second.timestamp_s > first.timestamp_s
    assert source.live


def test_unplugged_in_the_middle_is_one_line() -> None:
    capture = ScriptedCapture(pictures(5), pause_s=0.01)
    with open_live(capture) as source, pytest.raises(SourceError, match="camera 0: stopped sending pictures"):
        list(source)
    assert capture.released.is_set()


def test_a_camera_that_is_plugged_in_again_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    captures = [ScriptedCapture(pictures(2), pause_s=0.02), None, ScriptedCapture(pictures(200), pause_s=0.02)]
    monkeypatch.setattr(live, "open_device", lambda *_: captures.pop(0) if captures else None)
    monkeypatch.setattr(live, "CAMERA_BACK_OFF_S", (0.01, 0.2))
    said: list[str] = []
    with live.open_camera(0, say=said.append) as source:
        frames = list(itertools.islice(source, 4))  # more than the first reader has
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert said == [f"camera 0: stopped sending, reconnecting in {pause} s" for pause in ("0.01", "0.2")]


def test_a_camera_that_hangs_is_one_line() -> None:
    capture = ScriptedCapture([], hang=True)
    with open_live(capture, stall_s=0.05) as source:
        with pytest.raises(SourceError, match="camera 0: stopped sending pictures"):
            list(source)
        capture.go_on.set()


def test_closing_releases_the_camera_and_ends_iteration() -> None:
    capture = ScriptedCapture(pictures(1000), pause_s=0.001)
    source = open_live(capture)
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert capture.released.is_set()
    assert list(frames) == []


def test_a_stream_reconnects_with_growing_pauses_and_may_change_size() -> None:
    attempts = [None, None, ScriptedCapture(pictures(3, size=8), pause_s=0.02)]
    said: list[str] = []
    seen: list[Frame] = []
    source = open_live(
        ScriptedCapture(pictures(3), pause_s=0.02),
        lambda: attempts.pop(0) if attempts else None,
        back_off_s=(0.01, 0.02, 0.03),
        say=said.append,
    )

    def read_all() -> None:
        for frame in source:
            seen.append(frame)

    with source, pytest.raises(SourceError, match="camera 0: stopped sending"):
        read_all()
    assert {frame.image.shape[0] for frame in seen} == {4, 8}
    assert [line.rsplit(" in ")[1] for line in said[:3]] == ["0.01 s", "0.02 s", "0.03 s"]


def test_pictures_that_cannot_be_used_are_an_error_and_not_a_dead_thread() -> None:
    with (
        open_live(ScriptedCapture([np.zeros((4, 4, 3), np.float32)])) as source,
        pytest.raises(SourceError, match="camera 0: pictures must"),
    ):
        list(source)


@pytest.mark.parametrize("picture", [pytest.param(None, id="None"), pytest.param("no signal", id="text")])
def test_what_is_no_array_is_called_so(picture: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedCapture, "read", lambda _: (True, picture))
    with (
        open_live(ScriptedCapture([])) as source,
        pytest.raises(SourceError, match=r"^camera 0: pictures must have shape .*, got shape \(\) and type "),
    ):
        list(source)


def test_an_error_of_opencv_becomes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise cv2.error("OpenCV(4.0) error:\n> (-215) assertion\n")

    monkeypatch.setattr(ScriptedCapture, "read", fail)
    with open_live(ScriptedCapture([])) as source, pytest.raises(SourceError) as caught:
        list(source)
    assert str(caught.value) == "camera 0: reading failed (OpenCV(4.0) error: > (-215) assertion)"


def test_reopening_may_take_longer_than_a_frame() -> None:
    """A driver needs seconds for it, and nobody gives up meanwhile."""
    again = ScriptedCapture(pictures(50), pause_s=0.01)

    def reopen() -> ScriptedCapture:
        time.sleep(0.4)
        return again

    with open_live(ScriptedCapture(pictures(2)), reopen, back_off_s=(0.01,), stall_s=0.1, say=lambda _: None) as source:
        assert [frame.index for frame in itertools.islice(source, 4)] == [0, 1, 2, 3]


def test_a_stream_that_comes_back_without_a_picture_does_not_start_the_pauses_again() -> None:
    """Some cameras accept connections while they restart; the pauses then grow as if nobody had answered."""
    said: list[str] = []
    empty = [ScriptedCapture([]) for _ in range(10)]
    with (
        open_live(
            ScriptedCapture(pictures(1)), lambda: empty.pop(), back_off_s=(0.01, 0.02, 0.03), say=said.append
        ) as source,
        pytest.raises(SourceError, match="camera 0: stopped sending"),
    ):
        list(source)
    assert [line.rsplit(" in ")[1] for line in said] == ["0.01 s", "0.02 s", "0.03 s"]
    assert len(empty) == 7


@pytest.mark.parametrize("user", [LiveSource, BrowserSource, results, run], ids=lambda user: user.__name__)
def test_the_clock_of_frames_is_the_fine_one(user: Callable[..., object]) -> None:
    """Windows advances time.monotonic in steps of 15.6 ms before Python 3.13; and a latency needs one clock."""
    assert inspect.signature(user).parameters["clock"].default is time.perf_counter
