"""Several sources in one landmarker: nobody waits for another, the newest frame counts, a lost source ends alone."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from camera_fakes import FACE, BreakingClip, FakeCamera, clip
from toy_face import box_of, scene, toy_network

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ClosedError, ConfigError, SourceError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.followers import TrackedFrame
from sdfl.runtime.results import StreamResult, results_of_many
from sdfl.runtime.sources import FrameSource, MemorySource
from sdfl.runtime.sources.many import ManySources
from sdfl.types import Box, Frame, Image


def opened(spec: ModelSpec, **options: Any) -> FaceLandmarker:
    return FaceLandmarker(
        backend=FakeBackend(spec, toy_network), detector=FakeDetector([box_of(150, 120, 40)]), **options
    )


def wait_for(condition: Any) -> None:
    until_s = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until_s, "not within 20 s"
        time.sleep(0.002)


def next_round(rounds: Iterator[list[StreamResult]]) -> dict[str, StreamResult]:
    return {each.source: each for each in next(rounds)}


def key(each: TrackedFrame) -> tuple[int, int, list[tuple[int, int]]]:
    return each.number, each.frame.index, [(face.id, face.age_frames) for face in each.faces]


def test_files_give_exactly_what_they_give_alone(spec: ModelSpec) -> None:
    clips = [clip(12), clip(5, start=140), clip(9, start=155)]
    alone = [list(opened(spec).track(each)) for each in clips]
    landmarker = opened(spec)
    together = list(landmarker.track_many(clips))
    assert [sum(each.number == number for each in together) for number in range(3)] == [12, 5, 9]
    for number, expected in enumerate(alone):
        found = [(each.frame, each.faces) for each in together if each.number == number]
        for (frame, faces), (other_frame, other_faces) in zip(found, expected, strict=True):
            assert (frame.index, frame.timestamp_s) == (other_frame.index, other_frame.timestamp_s)
            assert [face.to_dict() for face in faces] == [face.to_dict() for face in other_faces]
            assert [face.age_frames for face in faces] == [face.age_frames for face in other_faces]


def test_files_take_turns_in_one_inference(spec: ModelSpec) -> None:
    backend = FakeBackend(spec, toy_network)
    landmarker = FaceLandmarker(backend=backend, detector=FakeDetector([box_of(150, 120, 40)]))
    seen = [(each.number, each.source, each.frame.index) for each in landmarker.track_many([clip(3), clip(2)])]
    assert seen == [
        (0, "clip #1", 0), (1, "clip #2", 0), (0, "clip #1", 1), (1, "clip #2", 1), (0, "clip #1", 2),
    ]  # fmt: skip
    assert backend.batches == [2, 2, 2, 1], "two to begin each face, then one a frame"


def test_pictures_of_a_folder_are_searched_anew_beside_a_video(spec: ModelSpec, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), scene(FACE))
    seen = [key(each) for each in opened(spec).track_many([tmp_path, clip(3)])]
    assert [each for each in seen if each[0] == 0] == [(0, 0, [(1, 0)]), (0, 1, [(1, 0)])]
    assert [each for each in seen if each[0] == 1] == [(1, index, [(1, index)]) for index in range(3)]


def test_of_a_camera_the_newest_frame_counts_and_the_others_do_not_wait(spec: ModelSpec) -> None:
    left, right = FakeCamera("left"), FakeCamera("right")
    with ManySources([left, right]) as many:
        rounds = results_of_many(many, opened(spec), clock=lambda: 10.0)
        left.send(FACE, at_s=1.0)
        assert list(next_round(rounds)) == ["left"], "right has sent nothing, and nobody waits for it"
        for at_s in (2.0, 3.0, 4.0):
            left.send(FACE, at_s=at_s)
        right.send(FACE, at_s=3.5)
        wait_for(lambda: left.read == 4 and right.read == 1)
        seen = next_round(rounds)
        assert {name: each.frame.timestamp_s for name, each in seen.items()} == {"left": 4.0, "right": 3.5}
        assert {name: each.frame.index for name, each in seen.items()} == {"left": 1, "right": 0}
        assert {name: each.latency_ms for name, each in seen.items()} == {"left": 6000, "right": 6500}
        left.close()
        right.close()
        assert list(rounds) == []


def test_a_busy_camera_does_not_starve_the_others(spec: ModelSpec) -> None:
    busy, calm = FakeCamera("busy"), FakeCamera("calm")
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            busy.send(FACE)
            time.sleep(0.002)

    sender = threading.Thread(target=send, daemon=True)
    with ManySources([busy, calm]) as many:
        sender.start()
        rounds = results_of_many(many, opened(spec))
        for index in range(20):
            calm.send(FACE, at_s=float(index))
            wait_for(lambda: calm.read > index)  # noqa: B023
            assert next_round(rounds)["calm"].frame.timestamp_s == index, "a frame that is there comes with this round"
        stop.set()
        sender.join()


def test_ids_are_those_of_each_source(spec: ModelSpec) -> None:
    two = MemorySource([scene((70, 120, 30), (240, 120, 30))] * 4, name="two")
    detector = FakeDetector([box_of(150, 120, 40), box_of(70, 120, 30), box_of(240, 120, 30)])
    landmarker = FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=detector, max_faces=2)
    ids = {each.number: [face.id for face in each.faces] for each in landmarker.track_many([two, clip(4), clip(4)])}
    assert ids == {0: [1, 2], 1: [1], 2: [1]}


def test_a_lost_source_disturbs_nobody_and_is_told_once(spec: ModelSpec) -> None:
    said: list[str] = []
    alone = [face.to_dict() for _, faces in opened(spec).track(clip(9)) for face in faces]
    seen: list[StreamResult] = []
    with ManySources([clip(9), BreakingClip("broken", 3)], say=said.append) as many:
        rounds = results_of_many(many, opened(spec))
        with pytest.raises(SourceError, match=r"^1 of 2 sources failed: broken$"):
            seen.extend(itertools.chain.from_iterable(rounds))
    assert [face.to_dict() for each in seen if each.number == 0 for face in each.faces] == alone
    assert [each.frame.index for each in seen if each.number == 1] == [0, 1, 2]
    assert said == ["broken: is cut off after frame 3; the other sources go on"]
    assert str(many.lost[1]) == "broken: is cut off after frame 3"


def test_a_lost_camera_disturbs_nobody(spec: ModelSpec) -> None:
    said: list[str] = []
    left, right = FakeCamera("left"), FakeCamera("right")
    with ManySources([left, right], say=said.append) as many:
        rounds = results_of_many(many, opened(spec))
        right.lose()
        assert next_round(rounds) == {}, "a view is told at once"
        assert list(many.lost) == [1]
        for _ in range(3):
            left.send(FACE)
            assert list(next_round(rounds)) == ["left"]
        left.lose("unplugged")
        assert next_round(rounds) == {}
        with pytest.raises(SourceError, match=r"^2 of 2 sources failed: left, right$"):
            next(rounds)
    assert said == ["right: stopped sending; the other sources go on", "left: unplugged"]


def test_a_driver_that_raises_anything_ends_its_stream_alone(spec: ModelSpec) -> None:
    class Wild(FrameSource):
        name, live = "wild", True

        def __iter__(self) -> Iterator[Frame]:
            raise RuntimeError("ioctl\nfailed")

    said: list[str] = []
    with ManySources([Wild(), clip(4)], say=said.append) as many, pytest.raises(SourceError, match="1 of 2"):
        assert sum(len(results) for results in results_of_many(many, opened(spec))) == 4
    assert said == ["wild: reading failed (ioctl failed); the other sources go on"]


def test_a_single_source_fails_as_it_does_alone(spec: ModelSpec, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=r"^broken: is cut off after frame 2$"):
        list(opened(spec).track_many([BreakingClip("broken", 2)]))
    assert capsys.readouterr().err == ""


def test_what_cannot_be_opened_is_refused_before_anything_is_tracked(spec: ModelSpec, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), scene(FACE))
    with pytest.raises(SourceError, match=r"nowhere\.mp4: no such file"):
        next(opened(spec).track_many([tmp_path / "a.png", "nowhere.mp4"]))


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        pytest.param([], "there is no source", id="none"),
        pytest.param("clip.mp4", r"takes a list of sources, got 'clip\.mp4'; write track_many\(\[", id="a path"),
        pytest.param(0, "takes a list of sources, got 0", id="a number"),
        pytest.param([clip(2)] * 2, "the same opened source is given twice", id="one source twice"),
    ],
)
def test_wrong_sources_are_refused(spec: ModelSpec, sources: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        next(opened(spec).track_many(sources))


def test_a_closed_landmarker_is_refused(spec: ModelSpec) -> None:
    landmarker = opened(spec)
    tracked = landmarker.track_many([clip(9), clip(9)])
    next(tracked)
    landmarker.close()
    with pytest.raises(ClosedError):
        list(tracked)
    with pytest.raises(ClosedError):
        landmarker.track_many([clip(2)])


def test_each_source_ends_after_the_frames_asked_for(spec: ModelSpec) -> None:
    camera = FakeCamera("camera")
    seen = []
    with ManySources([clip(9), camera, BreakingClip("broken", 3)], max_frames=2) as many:
        camera.send(FACE)
        for results in results_of_many(many, opened(spec)):
            seen += [each.source for each in results]
            camera.send(FACE)
        camera.close()
    assert sorted(seen) == ["broken", "broken", "camera", "camera", "clip", "clip"]
    assert many.lost == {}, "what comes after the last frame does not matter"


def test_leaving_early_ends_the_reading_threads(spec: ModelSpec) -> None:
    before = threading.active_count()
    tracked = opened(spec).track_many([clip(50), clip(50)])
    next(tracked)
    tracked.close()  # type: ignore[attr-defined]
    wait_for(lambda: threading.active_count() <= before)


def test_waiting_takes_no_processor_time(spec: ModelSpec) -> None:
    camera = FakeCamera("camera")
    with ManySources([camera, FakeCamera("other")]) as many:
        rounds = many.rounds()
        threading.Timer(0.7, camera.send).start()
        begin_s = time.thread_time()
        next(rounds)
        assert time.thread_time() - begin_s < 0.1


class SlowDetector:
    """Finds nothing, slowly, and counts."""

    def __init__(self) -> None:
        self.calls = 0
        self.may_answer = threading.Event()

    def detect(self, image: Image) -> list[Box]:
        if image[120, 160].tolist() == [0, 0, 255] or image[120, 150].tolist() == [0, 0, 255]:
            return [box_of(160, 120, 40)]
        self.calls += 1
        self.may_answer.wait(20)
        return []


def test_cameras_without_a_face_hold_up_no_tracked_face(spec: ModelSpec) -> None:
    detector = SlowDetector()
    landmarker = FaceLandmarker(backend=FakeBackend(spec, toy_network), detector=detector)
    faces, *empty = (FakeCamera(name) for name in ("faces", "empty 1", "empty 2", "empty 3"))
    with ManySources([faces, *empty]) as many:
        rounds = results_of_many(many, landmarker)
        seen: list[StreamResult] = []
        while not (seen and seen[-1].faces):  # its detection comes a frame or two later, from the shared thread
            faces.send(FACE)
            seen = next(rounds)
        for camera in empty:
            camera.send()
        for _ in range(20):  # the detector hangs meanwhile
            faces.send(FACE)
            for camera in empty:
                camera.send()
            while not any(each.source == "faces" and each.faces for each in next(rounds)):
                pass
        assert detector.calls == 1, "one question at a time"
        detector.may_answer.set()
