"""Following faces: places, ids, losing and finding again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from toy_face import box_of, scene, toy_network, truth

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ConfigError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.tracking.tracker import FaceTracker
from sdfl.types import FloatArray, Frame, Image

TOLERANCE_PX = 1.5  # drawing and resampling round the edges of the disc, of radius 40
TwoFaces = tuple[tuple[float, float, float], tuple[float, float, float]]
APART: TwoFaces = ((80, 120, 30), (240, 120, 30))


def frame(*faces: tuple[float, ...], index: int = 0) -> Frame:
    return Frame(scene(*faces), index, index / 30)


def make(spec: ModelSpec, *places: tuple[float, float, float], **options: Any) -> tuple[FaceTracker, FakeDetector]:
    detector = FakeDetector([box_of(*place) for place in places])
    return FaceTracker(FakeBackend(spec, toy_network), detector, smoother=None, **options), detector


MOTIONS: dict[str, Callable[[int], tuple[float, ...]]] = {
    "still": lambda _: (160, 120, 40),
    "to the right": lambda t: (100 + 4 * t, 120, 40),
    "comes near": lambda t: (160, 120, 25 + 2 * t),
    "goes away": lambda t: (160, 120, 70 - 1.8 * t),
    "rolls clockwise": lambda t: (160, 120, 40, 5 * t),
    "rolls the other way past upside down": lambda t: (160, 120, 40, -8 * t),
    "moves, grows and rolls": lambda t: (120 + 3 * t, 100 + 2 * t, 30 + t, 3 * t),
}


@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS)
def test_follows_the_truth(spec: ModelSpec, motion: Callable[[int], tuple[float, ...]]) -> None:
    tracker, detector = make(spec, motion(0)[:3])  # type: ignore[arg-type]
    for t in range(30):
        (face,) = tracker.update(frame(motion(t), index=t))
        error_px = np.linalg.norm(face.landmarks.points - truth(*motion(t)), axis=1)
        assert error_px.max() < TOLERANCE_PX * max(1, motion(t)[2] / 40), f"frame {t}"
        assert (face.id, face.age_frames) == (1, t)
    assert detector.calls == 1, "a tracked face needs no detector"


def test_a_rough_detection_is_refined_before_it_is_reported(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (172, 108, 48))
    (face,) = tracker.update(frame((160, 120, 40, 20)))
    np.testing.assert_allclose(face.landmarks.points, truth(160, 120, 40, 20), atol=TOLERANCE_PX)


def test_a_face_that_leaves_ends_and_after_a_second_gets_a_new_id(spec: ModelSpec) -> None:
    tracker, detector = make(spec, (160, 120, 40))
    assert [face.id for face in tracker.update(frame((160, 120, 40)))] == [1]
    assert all(tracker.update(frame(index=index)) == [] for index in range(1, 41))
    assert detector.calls == 21, "with nobody in view it runs on every other frame, and at once when a face is lost"
    faces = [face for index in (41, 42) for face in tracker.update(frame((160, 120, 40), index=index))]
    assert [(face.id, face.age_frames) for face in faces][-1] == (2, faces[-1].age_frames)


def test_a_face_that_is_covered_for_half_a_second_keeps_its_id(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (160, 120, 40))
    seen = [
        [face.id for face in tracker.update(frame(*([(160, 120, 40)] if not 5 <= t < 20 else []), index=t))]
        for t in range(30)
    ]
    assert seen == [[1]] * 5 + [[]] * 15 + [[1]] * 10


def test_low_presence_ends_a_track_at_once_and_high_presence_begins_one(spec: ModelSpec) -> None:
    presence = [0.0]
    backend = FakeBackend(spec, lambda crop: (toy_network(crop)[0], presence[0]))
    tracker = FaceTracker(backend, FakeDetector([box_of(160, 120, 40)]))
    counts = []
    for index, presence[0] in enumerate((0.7, 0.9, 0.51, 0.49, 0.7, 0.9)):
        counts.append(len(tracker.update(frame((160, 120, 40), index=2 * index))))
    assert counts == [0, 1, 1, 0, 0, 1], "a phantom that begins below 0.8 is never shown"


@pytest.mark.parametrize(
    ("max_faces", "expected"),
    [pytest.param(1, 1, id="one wanted"), pytest.param(2, 2, id="two wanted"), pytest.param(5, 2, id="more wanted")],
)
def test_max_faces(spec: ModelSpec, max_faces: int, expected: int) -> None:
    tracker, _ = make(spec, *APART, max_faces=max_faces)
    for index in range(3):
        assert len(tracker.update(frame(*APART, index=index))) == expected


def test_two_faces_take_one_inference_and_keep_their_ids(spec: ModelSpec) -> None:
    backend = FakeBackend(spec, toy_network)
    tracker = FaceTracker(backend, FakeDetector([box_of(*place) for place in APART]), max_faces=2)
    for t in range(10):
        (left, lower_left, size), (right, lower_right, _) = APART
        moved = ((left + 2 * t, lower_left - t, size), (right - 2 * t, lower_right + t, size))
        faces = tracker.update(frame(*moved, index=t))
        assert [face.id for face in faces] == [1, 2]
        assert faces[0].box.xyxy[0] < faces[1].box.xyxy[0]
    assert backend.batches == [2, 2, *[2] * 9]


def test_with_a_free_place_the_detector_looks_only_now_and_then(spec: ModelSpec) -> None:
    tracker, detector = make(spec, APART[0], max_faces=2)
    for index in range(21):
        tracker.update(frame(APART[0], index=index))
    assert detector.calls == 3, "at frames 0, 9 and 18: every 0.3 s"
    detector.boxes.append(box_of(*APART[1]))
    sizes = [len(tracker.update(frame(*APART, index=index))) for index in range(21, 32)]
    assert sizes[-1] == 2


def test_a_detection_on_a_tracked_face_is_no_new_face(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (160, 120, 40), (165, 122, 42), max_faces=2)
    for index in range(30):
        assert [face.id for face in tracker.update(frame((160, 120, 40), index=index))] == [1]


def test_a_false_alarm_gives_way_to_the_next_detection(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (60, 60, 20), (240, 180, 30))
    (face,) = tracker.update(frame((240, 180, 30)))
    np.testing.assert_allclose(face.landmarks.points, truth(240, 180, 30), atol=TOLERANCE_PX)


def test_tracks_that_meet_on_one_face_leave_the_older(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (110, 120, 30), (210, 120, 30), max_faces=2)
    ids = []
    for t in range(30):  # the right face slides behind the left one and vanishes there
        right = 210 - 3 * t
        visible = [(110, 120, 30)] + ([(right, 120, 30)] if right > 140 else [])
        ids.append([face.id for face in tracker.update(frame(*visible, index=t))])
    assert ids[0] == [1, 2]
    assert ids[-1] == [1]


def _always(points: FloatArray) -> Callable[[Image], tuple[FloatArray, float]]:
    return lambda _: (points, 1.0)


@pytest.mark.filterwarnings("ignore:invalid value")  # numpy says so of infinite points
@pytest.mark.parametrize(
    "points",
    [
        pytest.param(np.full((68, 2), np.nan, np.float32), id="not a number"),
        pytest.param(np.full((68, 2), np.inf, np.float32), id="infinite"),
        pytest.param(np.full((68, 2), 64, np.float32), id="all on one spot"),
        pytest.param(truth(64, 64, 40) + 1000, id="outside the frame"),
        pytest.param(truth(64, 64, 40000), id="larger than the world"),
    ],
)
def test_degenerate_landmarks_are_no_face(spec: ModelSpec, points: FloatArray) -> None:
    tracker = FaceTracker(FakeBackend(spec, _always(points)), FakeDetector([box_of(160, 120, 40)]))
    for index in range(2):
        assert tracker.update(frame((160, 120, 40), index=index)) == []


def test_ids_belong_to_one_tracker(spec: ModelSpec) -> None:
    for _ in range(2):
        tracker, _ = make(spec, (160, 120, 40))
        assert tracker.update(frame((160, 120, 40)))[0].id == 1


def test_refuses_to_follow_nobody(spec: ModelSpec) -> None:
    with pytest.raises(ConfigError, match="max_faces must be a whole number of at least 1, got 0"):
        make(spec, max_faces=0)


def test_a_tiny_picture_holds_no_face(spec: ModelSpec) -> None:
    tracker, _ = make(spec, (0, 0, 1))
    assert tracker.update(Frame(np.zeros((1, 1, 3), np.uint8), 0, 0.0)) == []


def test_two_faces_that_come_back_at_once_do_not_exceed_the_limit(spec: ModelSpec) -> None:
    third = (160, 200, 30)
    tracker, detector = make(spec, *APART, max_faces=2)
    tracker.update(frame(*APART))
    detector.boxes[:] = [box_of(*third)]
    shown = [tracker.update(frame(third, index=index)) for index in range(1, 8)]
    assert [face.id for face in shown[-1]] == [3]
    back = tracker.update(frame(*APART, third, index=8))
    assert len(back) == 2
    assert 3 in {face.id for face in back}, "who is seen keeps the place"
