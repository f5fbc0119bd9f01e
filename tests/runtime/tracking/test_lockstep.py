"""Trackers of several videos in one inference."""

from __future__ import annotations

import itertools
from collections.abc import Generator

import numpy as np
import pytest
from toy_face import box_of, scene, toy_network

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ClosedError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.tracking.lockstep import run_together
from sdfl.runtime.tracking.observation import LARGEST_BATCH
from sdfl.runtime.tracking.tracker import FaceTracker
from sdfl.types import Frame, Image, Prediction

PLACES = ((60, 60, 30), (160, 120, 40), (240, 150, 35))


def frame(place: tuple[float, float, float], index: int) -> Frame:
    x, y, size = place
    return Frame(scene((x + index, y, size)), index, index / 30)


def asks(*sizes: int) -> Generator[Image, Prediction, list[list[float]]]:
    """Asks for batches of these sizes, whose pictures have a grey of their own; returns what came for each."""
    greys = itertools.count(10, 10)
    answers = []
    for size in sizes:
        crops = np.stack([np.full((128, 128, 3), next(greys), np.uint8) for _ in range(size)])
        answers.append((yield crops).points[:, 0, 0].tolist())
    return answers


@pytest.fixture
def seen_grey(spec: ModelSpec) -> FakeBackend:
    """Gives the grey of a crop as its points."""
    return FakeBackend(spec, lambda crop: (np.full((68, 2), float(crop[0, 0, 0]), np.float32), 1.0))


@pytest.mark.parametrize(
    ("parts", "batches"),
    [
        pytest.param([(1,), (2,), (3,)], [6], id="one question each"),
        pytest.param([(2, 1), (), (1, 1, 1)], [3, 2, 1], id="some ask more often, one not at all"),
        pytest.param([(20,), (20,)], [LARGEST_BATCH, 40 - LARGEST_BATCH], id="more than a back end takes at once"),
        pytest.param([(), ()], [], id="nobody asks"),
    ],
)
def test_questions_share_an_inference_and_answers_come_back(
    seen_grey: FakeBackend, parts: list[tuple[int, ...]], batches: list[int]
) -> None:
    answers = run_together(seen_grey, [asks(*sizes) for sizes in parts])
    greys = [itertools.count(10, 10) for _ in parts]
    assert answers == [
        [[next(grey) for _ in range(n)] for n in sizes] for sizes, grey in zip(parts, greys, strict=True)
    ]
    assert seen_grey.batches == batches


def test_many_trackers_take_one_inference_a_frame_and_see_what_single_ones_see(spec: ModelSpec) -> None:
    together = FakeBackend(spec, toy_network)

    def trackers(backend: FakeBackend) -> list[FaceTracker]:
        return [FaceTracker(backend, FakeDetector([box_of(*place)])) for place in PLACES]

    many, single = trackers(together), trackers(FakeBackend(spec, toy_network))
    for index in range(10):
        frames = [frame(place, index) for place in PLACES]
        steps = [tracker.steps(each) for tracker, each in zip(many, frames, strict=True)]
        seen = run_together(together, steps)
        for faces, tracker, each in zip(seen, single, frames, strict=True):
            (face,), (expected,) = faces, tracker.update(each)
            assert (face.id, face.age_frames) == (expected.id, expected.age_frames) == (1, index)
            np.testing.assert_array_equal(face.landmarks.points, expected.landmarks.points)
    assert together.batches == [3, 3, *[3] * 9], "two to begin each face, then one a frame"


def test_a_closed_back_end_is_told(seen_grey: FakeBackend) -> None:
    seen_grey.close()
    with pytest.raises(ClosedError):
        run_together(seen_grey, [asks(1), asks(1)])
