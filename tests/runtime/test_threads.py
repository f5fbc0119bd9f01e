"""One model in several threads: everybody gets the answers to his own pictures, also while another thread closes it."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from in_threads import THREADS, in_threads, points_of
from toy_face import scene, toy_network, truth

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ClosedError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.backends.openvino.library import load_openvino
from sdfl.runtime.detector.network import LIBRARIES, NetworkDetector
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.runtime.sources import SampleSource
from sdfl.types import Backend, Detector, FloatArray, Image

pytestmark = pytest.mark.usefixtures("busy_threads")
ROUNDS = 15  # of a detector
SAME_PX = 1e-3  # the same network computes the same picture; libraries may sum in another order


@pytest.fixture(scope="module")
def pictures() -> list[Image]:
    """The sample at eight motions, whose landmarks differ by many pixels."""
    pytest.importorskip("skimage", reason="the sample clip's picture comes with scikit-image")
    return [frame.image for frame in itertools.islice(SampleSource(), 0, 88, 11)]


def test_every_thread_gets_the_answers_to_its_own_crops(any_backend: Backend) -> None:
    size = any_backend.spec.input_size
    batches = [
        np.random.default_rng(number).integers(0, 256, (1 + number % 2, size, size, 3), dtype=np.uint8)
        for number in range(THREADS)
    ]
    if isinstance(any_backend, FakeBackend):
        batches = [scene((40 + 10 * number, 64, 30), size=(size, size))[None] for number in range(THREADS)]
    alone = [any_backend.infer(batch).points for batch in batches]
    assert np.abs(alone[0] - alone[2]).max() > 100 * SAME_PX, "the answers differ, or nothing would be tested"

    def work(number: int) -> float:
        return max(float(np.abs(any_backend.infer(batches[number]).points - alone[number]).max()) for _ in range(60))

    assert max(in_threads(work)) < SAME_PX


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_detect_in_threads_gives_the_landmarks_of_its_own_picture(name: str, pictures: list[Image]) -> None:
    with FaceLandmarker("nano", backend=name, threads=1) as landmarker:
        alone = [points_of(landmarker.detect(picture)) for picture in pictures]

        def work(number: int) -> float:
            order = [(step * (number + 1) + number) % len(pictures) for step in range(len(pictures))]
            return max(float(np.abs(points_of(landmarker.detect(pictures[i])) - alone[i]).max()) for i in order)

        assert max(in_threads(work)) < SAME_PX


def clips_of(pictures: list[Image]) -> list[list[Image]]:
    """Four clips: each stays on a picture of its own and then moves to the next one."""
    return [[pictures[number]] * 4 + [pictures[number + 1]] * 4 for number in range(THREADS)]


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_trackers_in_threads_share_one_model(name: str, pictures: list[Image]) -> None:
    clips = clips_of(pictures)
    with FaceLandmarker("nano", backend=name, threads=1) as landmarker:

        def tracked(number: int) -> list[FloatArray]:
            return [points_of(faces) for _, faces in landmarker.track(clips[number])]

        alone = [tracked(number) for number in range(THREADS)]
        np.testing.assert_allclose(in_threads(tracked), alone, atol=SAME_PX)


def test_trackers_that_take_turns_share_one_model(pictures: list[Image]) -> None:
    clips = clips_of(pictures)[:2]
    with FaceLandmarker("nano", threads=1) as landmarker:
        alone = [[points_of(faces) for _, faces in landmarker.track(clip)] for clip in clips]
        turns = zip(landmarker.track(clips[0]), landmarker.track(clips[1]), strict=True)
        together = [[points_of(faces) for _, faces in turn] for turn in turns]
    np.testing.assert_allclose(np.swapaxes(together, 0, 1), alone, atol=SAME_PX)


def test_closing_while_other_threads_compute_ends_them_with_closed_error(any_backend: Backend) -> None:
    size = any_backend.spec.input_size
    crops = scene((64, 64, 30), size=(size, size))[None]
    begun = threading.Semaphore(0)

    def work(number: int) -> type[BaseException]:
        if number == 0:
            for _ in range(3 * (THREADS - 1)):
                assert begun.acquire(timeout=60)
            any_backend.close()
            return ClosedError
        try:
            while True:
                assert any_backend.infer(crops).points.shape == (1, any_backend.spec.num_points, 2)
                begun.release()
        except Exception as error:
            return type(error)

    assert in_threads(work) == [ClosedError] * THREADS


def test_close_waits_for_the_inference_that_has_begun(spec: ModelSpec) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slow(crop: Image) -> tuple[FloatArray, float]:
        inside.set()
        assert go_on.wait(timeout=60)
        return toy_network(crop)

    backend = FakeBackend(spec, slow)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(backend.infer, scene((64, 64, 30), size=(128, 128))[None])
        assert inside.wait(timeout=60)
        closed = pool.submit(backend.close)
        time.sleep(0.05)
        assert not closed.done()
        go_on.set()
        assert np.abs(answer.result(timeout=60).points[0] - truth(64, 64, 30)).max() < 1
        closed.result(timeout=60)
    with pytest.raises(ClosedError):
        backend.infer(np.zeros((1, 128, 128, 3), np.uint8))


def test_a_landmarker_that_is_closed_in_the_middle_gives_closed_error_in_every_thread(pictures: list[Image]) -> None:
    with FaceLandmarker("nano", threads=1) as landmarker:
        begun = threading.Semaphore(0)

        def work(number: int) -> str:
            if number == 0:
                assert begun.acquire(timeout=60)
                landmarker.close()
                return ""
            try:
                while True:
                    assert len(landmarker.detect(pictures[number])) == 1
                    begun.release()
            except ClosedError as error:
                return str(error)

        assert all("was closed" in text for text in in_threads(work)[1:])


def boxes_in_threads(detector: Detector, pictures: Sequence[Image]) -> list[list[FloatArray]]:
    """The best box in a picture for each thread, in every round."""
    return in_threads(lambda number: [detector.detect(pictures[number])[0].xyxy for _ in range(ROUNDS)])


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_detector_in_threads_finds_the_face_of_its_own_picture(library: str, pictures: list[Image]) -> None:
    mixed = [pictures[0], pictures[3], np.ascontiguousarray(pictures[5][:, 120:560]), pictures[7]]
    together = boxes_in_threads(NetworkDetector(threads=1, library=library), mixed)  # opened by all at once
    alone = NetworkDetector(threads=1, library=library)
    for picture, found in zip(mixed, together, strict=True):
        np.testing.assert_allclose(found, [alone.detect(picture)[0].xyxy] * ROUNDS, atol=SAME_PX)


class Forgetful:
    """`cv2.FaceDetectorYN` as far as it matters: the size belongs to the object, and another size is refused."""

    def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802
        self.size = size

    def detect(self, image: Image) -> tuple[int, FloatArray]:
        time.sleep(1e-3)
        assert tuple(image.shape[1::-1]) == self.size
        row = np.zeros((1, 15), np.float32)
        row[0, :4], row[0, 14] = (0, 0, image[0, 0, 0], image[0, 0, 0]), 0.9
        return 1, row


def test_yunet_in_threads_finds_the_face_of_its_own_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "yunet.onnx").touch()
    made = Forgetful()
    made.setInputSize((320, 320))
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *_: made)
    detector = YuNetDetector(tmp_path / "yunet.onnx")
    pictures = [np.full((320 - 40 * number, 320, 3), 50 + number, np.uint8) for number in range(THREADS)]
    alone = [[detector.detect(picture)[0].xyxy] * ROUNDS for picture in pictures]
    np.testing.assert_array_equal(boxes_in_threads(detector, pictures), alone)


def test_openvino_that_another_thread_is_importing_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openvino.py").write_text("import time\ntime.sleep(0.2)\nCore = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "openvino")
    assert in_threads(lambda _: load_openvino().Core) == [1] * THREADS
