"""While another model is opened, the one before tracks on; what goes wrong then is said, and nothing hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from toy_face import box_of, scene, toy_network, truth

from sdfl import FaceLandmarker
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ArtifactError
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.live.switchboard import Switchboard
from sdfl.runtime.sources import MemorySource
from sdfl.runtime.zoo import resolve_model
from sdfl.types import Face, Frame, Image, Prediction

FACES = ((80, 120, 40), (240, 120, 40))
OPENING_S = 0.5
PERIOD_S = 0.01
LONGEST_GAP_S = 0.25  # half of the opening: a busy computer may hold a thread up for a while


class SlowAtFirst(FakeBackend):
    """A model that takes time for the first batch of each size, as OpenVINO does.

    Attributes:
        first: thread that met each size of batch first.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec, toy_network)
        self.first: dict[int, str] = {}

    def infer(self, crops: Image) -> Prediction:
        if len(crops) not in self.first:
            self.first[len(crops)] = threading.current_thread().name
            time.sleep(OPENING_S / 2)
        return super().infer(crops)


class Models:
    """Makes landmarkers; the first is there at once, the later ones take their time and may fail.

    Attributes:
        backends: of all landmarkers that were made.
        detectors: that each was given.
    """

    def __init__(self, spec: ModelSpec, fail: Callable[[], None] = lambda: None) -> None:
        self._spec, self._fail = spec, fail
        self.backends: list[SlowAtFirst] = []
        self.detectors: list[Any] = []
        self.opening = threading.Event()

    def __call__(self, *_: object, smoothing: bool, detector: Any = None, **__: object) -> FaceLandmarker:
        if self.backends:
            self.opening.set()
            time.sleep(OPENING_S)
            self._fail()
        self.backends.append(SlowAtFirst(self._spec))
        self.detectors.append(detector)
        made = FaceLandmarker(
            backend=self.backends[-1],
            detector=detector or FakeDetector([box_of(*face) for face in FACES]),
            max_faces=2,
            smoothing=smoothing,
        )
        made._owns_backend = True
        return made


def board_of(models: Models) -> Switchboard:
    return Switchboard(resolve_model("small", "fp32"), new_landmarker=models)


class Live:
    """Tracks a still picture of two faces, frame after frame."""

    def __init__(self, board: Switchboard) -> None:
        self.update, self.frames, self.picture = board.follow(MemorySource([scene()])), 0, scene(*FACES)

    def frame(self) -> list[Face]:
        faces = self.update(Frame(self.picture, self.frames, self.frames / 30))
        self.frames += 1
        return faces


def require_both(faces: list[Face]) -> None:
    for face, place in zip(faces, FACES, strict=True):
        np.testing.assert_allclose(face.landmarks.points, truth(*place), atol=1.5)


def wait_for(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(PERIOD_S)


def test_tracking_goes_on_while_a_model_is_opened_and_warmed_up(spec: ModelSpec) -> None:
    models = Models(spec)
    with board_of(models) as board:
        live = Live(board)
        require_both(live.frame())
        board.change({"precision": "int8"})
        done_s, meanwhile = [time.perf_counter()], 0
        while len(models.backends) < 2 or not models.backends[1].batches[2:]:  # until it has tracked a frame
            meanwhile += board.state()["loading"]
            require_both(live.frame())
            done_s.append(time.perf_counter())
            time.sleep(PERIOD_S)
            assert live.frames < 10_000
        before, after = models.backends
        assert np.diff(done_s).max() < LONGEST_GAP_S
        assert meanwhile > 10
        assert board.state()["settings"]["precision"] == "int8"
        assert after.first == {1: "load model", 2: "load model"}, "no tracked frame waits for a batch"
        assert models.detectors[1] is not None, "the detector is kept"
        wait_for(lambda: before._closed)


class Stop(BaseException):
    """An error that is no Exception, and says nothing."""


def raise_it(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        pytest.param(ArtifactError("x.onnx: is cut off"), "x.onnx: is cut off", id="an expected one"),
        pytest.param(MemoryError(), "MemoryError", id="without a message"),
        pytest.param(Stop(), "Stop", id="no Exception"),
        pytest.param(SystemExit("stopped"), "stopped", id="a library that ends the thread"),
    ],
)
def test_a_switch_that_fails_leaves_the_model_and_says_why(spec: ModelSpec, error: BaseException, problem: str) -> None:
    models = Models(spec, fail=lambda: raise_it(error))
    with board_of(models) as board:
        live = Live(board)
        require_both(live.frame())
        board.change({"precision": "int8"})
        wait_for(lambda: not board.state()["loading"])
        state = board.state()
        assert (state["settings"]["precision"], state["problem"]) == ("fp32", problem)
        require_both(live.frame())
        board.change({"occluder": None})
        assert board.state()["problem"] == "", "the next change is taken"


def test_a_model_that_fails_when_it_is_warmed_up_is_closed_and_not_used(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Models(spec)
    with board_of(models) as board:
        live = Live(board)
        require_both(live.frame())
        monkeypatch.setattr(FaceLandmarker, "warm_up", lambda *_: raise_it(ArtifactError("no memory")))
        board.change({"precision": "int8"})
        wait_for(lambda: not board.state()["loading"])
        assert board.state()["problem"] == "no memory"
        require_both(live.frame())
        wait_for(lambda: models.backends[1]._closed)


def test_without_a_thread_for_it_nothing_changes(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    with board_of(Models(spec)) as board:
        before = board.state()
        monkeypatch.setattr(threading.Thread, "start", lambda _: raise_it(RuntimeError("can't start new thread")))
        with pytest.raises(RuntimeError):
            board.change({"precision": "int8"})
        assert board.state() == before


@pytest.mark.parametrize("frames", [0, 1], ids=["no frame after each switch", "a frame after each switch"])
def test_at_the_end_every_model_is_closed(spec: ModelSpec, frames: int) -> None:
    models = Models(spec)
    with board_of(models) as board:
        live = Live(board)
        for change in ({"precision": "int8"}, {"smoothing": False}):
            board.change(change)
            wait_for(lambda: not board.state()["loading"])
            for _ in range(frames):
                live.frame()
    assert len(models.backends) == 3
    wait_for(lambda: all(backend._closed for backend in models.backends))


def test_warm_up_prepares_every_number_of_faces(spec: ModelSpec) -> None:
    backend = FakeBackend(spec, toy_network)
    FaceLandmarker(backend=backend, detector=FakeDetector([])).warm_up(3)
    assert backend.batches == [1, 2, 3]
