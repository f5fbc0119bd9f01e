"""A video whose frames change their size: nothing that was found in the old size is used in the new one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from toy_face import box_of, scene, toy_network, truth

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.tracking.detection_schedule import EVERY_S, DetectionSchedule
from sdfl.runtime.tracking.smoothing import Smoother
from sdfl.runtime.tracking.tracker import FaceTracker, NewSmoother
from sdfl.types import Box, Frame, Image

TOLERANCE_PX = 1.5  # drawing and resampling round the edges of the disc, of radius 40
WIDE, TALL, LARGE = (320, 240), (240, 320), (640, 480)
Place = tuple[float, float, float]


class DetectorOfSizes:
    """Finds what is known of pictures of a size (W, H), as soon as it may."""

    def __init__(self, places: dict[tuple[int, int], Place]) -> None:
        self._places, self.may_answer, self.calls = places, threading.Event(), 0
        self.may_answer.set()

    def detect(self, image: Image) -> list[Box]:
        self.calls += 1
        self.may_answer.wait(10)
        return [box_of(*self._places[image.shape[1], image.shape[0]])]


@pytest.mark.parametrize("smoother", [pytest.param(None, id="as seen"), pytest.param(Smoother, id="smoothed")])
@pytest.mark.parametrize("hidden", [pytest.param(False, id="seen"), pytest.param(True, id="hidden before")])
@pytest.mark.parametrize(
    ("new_size", "new_place"),
    [
        pytest.param(TALL, (120.0, 160.0, 40.0), id="turned, and half of the face where it was"),
        pytest.param(LARGE, (200.0, 180.0, 80.0), id="scaled, and half of the face where it was"),
    ],
)
def test_the_first_frame_of_another_size_has_its_face_in_the_right_place(
    spec: ModelSpec, new_size: tuple[int, int], new_place: Place, smoother: NewSmoother | None, hidden: bool
) -> None:
    old_place = (160.0, 120.0, 40.0)
    detector = DetectorOfSizes({WIDE: old_place, new_size: new_place})
    tracker = FaceTracker(FakeBackend(spec, toy_network), detector, smoother=smoother)
    for index in range(10):
        faces = tracker.update(Frame(scene(old_place), index, index / 30))
        assert [face.id for face in faces] == [1]
    if hidden:
        assert not tracker.update(Frame(scene(), 10, 10 / 30))
    for index in range(11, 21):
        (face,) = tracker.update(Frame(scene(new_place, size=new_size), index, index / 30))
        error_px = np.linalg.norm(face.landmarks.points - truth(*new_place), axis=1)
        assert error_px.max() < TOLERANCE_PX * new_place[2] / 40, f"frame {index}"
        assert (face.id, face.age_frames) == (2, index - 11), "it is a new face"


def test_frames_of_the_same_size_keep_their_ids(spec: ModelSpec) -> None:
    detector = DetectorOfSizes({WIDE: (160, 120, 40)})
    tracker = FaceTracker(FakeBackend(spec, toy_network), detector)
    found = [tracker.update(Frame(scene((160 + t, 120, 40)), t, t / 30)) for t in range(5)]
    assert [[face.id for face in faces] for faces in found] == [[1]] * 5
    assert detector.calls == 1


def test_boxes_of_another_size_that_come_late_are_dropped() -> None:
    """The detector computes in its thread while the size changes; its next answer is about the new size."""
    detector = DetectorOfSizes({WIDE: (160, 120, 40), LARGE: (320, 240, 80)})
    schedule = DetectionSchedule(detector, background=True)
    detector.may_answer.clear()
    assert schedule.boxes(scene(size=WIDE), 0.0, tracked=1, lost=False) == []
    assert schedule.boxes(scene(size=LARGE), 0.03, tracked=1, lost=False) == [], "it must not wait"
    detector.may_answer.set()
    assert EVERY_S > 0.06  # so that the second question comes early, because of the dropped answer
    boxes = _until(lambda: schedule.boxes(scene(size=LARGE), 0.06, tracked=1, lost=False))
    np.testing.assert_array_equal([box.xyxy for box in boxes], [box_of(320, 240, 80).xyxy])
    assert detector.calls == 2


def _until(ask: Callable[[], list[Box]]) -> list[Box]:
    """The first boxes that come."""
    end_s = time.monotonic() + 10
    while not (boxes := ask()) and time.monotonic() < end_s:
        time.sleep(0.005)
    return boxes
