"""Back ends and detectors that a program brings itself: threads take turns, and what is wrong with them is one line."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from in_threads import in_threads, points_of
from toy_face import box_of, scene, toy_network, truth

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import SdflError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.types import Image, Prediction


class OneAtATime:
    """Back end and detector of a program that knows nothing of threads."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.inner = spec, FakeBackend(spec, toy_network)
        self.inside = 0

    def infer(self, crops: Image) -> Any:
        return self._alone(lambda: self.inner.infer(crops))

    def detect(self, image: Image) -> Any:
        place = int(image[0, 0, 0])  # where the picture says
        return self._alone(lambda: [box_of(place, 120, 40)])

    def close(self) -> None:
        pass

    def _alone(self, answer: Callable[[], Any]) -> Any:
        self.inside += 1
        time.sleep(1e-3)
        assert self.inside == 1, "two threads at once"
        self.inside -= 1
        return answer()


def test_threads_take_turns_with_what_a_program_brings(spec: ModelSpec) -> None:
    landmarker = FaceLandmarker(backend=OneAtATime(spec), detector=OneAtATime(spec))

    def work(number: int) -> None:
        place = 100 + 30 * number
        picture = scene((place, 120, 40))
        picture[0, 0, 0] = place
        for _ in range(5):
            assert np.abs(points_of(landmarker.detect(picture)) - truth(place, 120, 40)).max() < 1.5

    in_threads(work)


class WithoutSpec:
    def infer(self, crops: Image) -> Prediction:
        raise NotImplementedError

    def close(self) -> None: ...


class Answers(WithoutSpec):
    """A back end and a detector that give what they were told."""

    def __init__(self, spec: Any, answer: Any) -> None:
        self.spec, self.answer = spec, answer

    def infer(self, crops: Image) -> Any:
        return self.answer

    def detect(self, image: Image) -> Any:
        return self.answer


def prediction(batch: int, points: int) -> Prediction:
    return Prediction(
        np.zeros((batch, points, 2), np.float32), np.ones(batch, np.float32), np.zeros((batch, points), np.float32)
    )


@pytest.mark.parametrize(
    ("part", "make", "message"),
    [
        pytest.param("backend", lambda _: WithoutSpec(), "the attribute spec, .*; WithoutSpec has none", id="no spec"),
        pytest.param("backend", lambda _: Answers({}, 0), "attribute spec, .*; Answers has dict", id="another spec"),
        pytest.param("backend", lambda _: FakeBackend, "got the class FakeBackend; call it first", id="a class"),
        pytest.param("detector", lambda _: FakeDetector, "got the class FakeDetector; call it", id="another class"),
        pytest.param(
            "backend",
            lambda spec: Answers(spec, [[1, 2]]),
            "infer of the back end Answers must return a Prediction, got list of list",
            id="a list for a prediction",
        ),
        pytest.param(
            "backend",
            lambda spec: Answers(spec, prediction(1, 5)),
            r"Answers must return points of shape \(1, 68, 2\), got \(1, 5, 2\)",
            id="another number of points",
        ),
        pytest.param(
            "backend", lambda spec: Answers(spec, prediction(2, 68)), r"\(1, 68, 2\), got \(2, 68, 2\)", id="two crops"
        ),
        pytest.param(
            "detector",
            lambda spec: Answers(spec, [[1, 2, 3, 4]]),
            r"the detector Answers must return a list of Box, got list of list; make a Box\(np.array",
            id="a detector that gives lists",
        ),
        pytest.param("detector", lambda spec: Answers(spec, np.zeros((1, 4))), "got ndarray; make", id="an array"),
        pytest.param("detector", lambda spec: Answers(spec, None), "got NoneType; make", id="None for no face"),
    ],
)
def test_a_part_that_gives_something_else_is_one_line(
    spec: ModelSpec, part: str, make: Callable[[ModelSpec], Any], message: str
) -> None:
    parts = {"backend": FakeBackend(spec, toy_network), "detector": FakeDetector([box_of(160, 120, 40)])}
    with pytest.raises(SdflError, match=message) as caught:
        FaceLandmarker(**{**parts, part: make(spec)}).detect(scene((160, 120, 40)))
    assert "\n" not in str(caught.value)
