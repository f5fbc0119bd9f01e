"""One detector for several live sources: turns, the newest frame, and rests."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from toy_face import box_of

from sdfl.runtime.tracking.detection_schedule import EVERY_ALONE_S, DetectionSchedule, SharedDetector
from sdfl.types import Box, Image


class Detector:
    """Notes the grey of every picture; answers when it may, and takes `took_s` of a clock that only it moves."""

    def __init__(self, took_s: float = 0.0) -> None:
        self.seen: list[int] = []
        self.now_s, self._took_s = 100.0, took_s
        self.began, self.may_answer = threading.Event(), threading.Event()
        self.may_answer.set()

    def detect(self, image: Image) -> list[Box]:
        self.seen.append(int(image[0, 0, 0]))
        self.began.set()
        assert self.may_answer.wait(20)
        self.now_s += self._took_s
        return [box_of(160, 120, 40)]


def grey(value: int) -> Image:
    return np.full((24, 32, 3), value, np.uint8)


def test_it_rests_after_every_search_for_as_long_as_that_took() -> None:
    detector, slept_s = Detector(took_s=0.25), list[float]()

    def sleep(seconds: float) -> None:
        slept_s.append(seconds)
        detector.now_s += seconds

    shared = SharedDetector(detector, clock=lambda: detector.now_s, sleep=sleep)
    for _ in range(3):
        size, boxes = shared.submit(lambda: grey(1)).result(20)
        assert (size, len(boxes)) == ((24, 32), 1)
    assert slept_s == pytest.approx([0.25, 0.25])
    detector.now_s += 10.0
    shared.submit(lambda: grey(1)).result(20)
    assert len(slept_s) == 2, "it has rested meanwhile"


def test_sources_take_turns_with_one_question_each_about_their_newest_frame() -> None:
    detector = Detector()
    shared = SharedDetector(detector, clock=lambda: 0.0)
    eager, calm = (DetectionSchedule(detector, shared=shared) for _ in range(2))
    detector.may_answer.clear()
    assert eager.boxes(grey(10), 0.0, tracked=0, lost=False) == []
    assert detector.began.wait(20)
    for index in range(1, 9):
        assert eager.boxes(grey(10 + index), index * EVERY_ALONE_S, tracked=0, lost=True) == []
        assert calm.boxes(grey(20 + index), index * EVERY_ALONE_S, tracked=0, lost=True) == []
    detector.may_answer.set()
    last = shared.submit(lambda: grey(99))
    last.result(20)
    assert detector.seen == [10, 28, 99], "the calm source comes next, with the frame that is its newest by then"
    assert len(eager.boxes(grey(19), 1.0, tracked=0, lost=False)) == 1
    assert len(calm.boxes(grey(29), 1.0, tracked=0, lost=False)) == 1


def test_with_a_tracked_face_it_asks_as_seldom_as_alone() -> None:
    detector = Detector()
    shared = SharedDetector(detector, clock=lambda: 0.0)
    schedule = DetectionSchedule(detector, shared=shared)
    for index in range(30):
        schedule.boxes(grey(1), index / 30, tracked=1, lost=False)
        shared.submit(lambda: grey(0)).result(20)  # so that the search before has ended
    assert detector.seen.count(1) == 4, "every 0.3 s, where the frame that takes an answer asks nothing new"
