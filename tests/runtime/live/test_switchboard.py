"""What a viewer may change while frames are tracked, edge weights and jitter, with the models of the package."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_face import scene

from sdfl import FaceLandmarker
from sdfl.errors import ArtifactError, ConfigError
from sdfl.runtime.detector.network import NetworkDetector
from sdfl.runtime.given import GivenDetector
from sdfl.runtime.live.attention_reader import AttentionReader
from sdfl.runtime.live.jitter import Jitter
from sdfl.runtime.live.pipeline import run
from sdfl.runtime.live.settings import covered
from sdfl.runtime.live.switchboard import Switchboard
from sdfl.runtime.outputs.graph_overlay import draw_edges
from sdfl.runtime.sources import MemorySource, SampleSource
from sdfl.runtime.views.none import NoView
from sdfl.runtime.zoo import DEFAULT_MODEL, families, resolve_model
from sdfl.types import Box, Face, Frame, Landmarks

pytest.importorskip("skimage", reason="the sample clip's picture comes with scikit-image")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [frame.image for frame in itertools.islice(SampleSource(), 12)]


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with Switchboard(resolve_model(DEFAULT_MODEL, "fp32"), threads=1) as opened:
        yield opened


def wait_until_loaded(board: Switchboard) -> None:
    until_s = time.monotonic() + 60
    while board.state()["loading"]:
        assert time.monotonic() < until_s
        time.sleep(0.02)


def track(
    board: Switchboard, pictures: list[np.ndarray], between: Callable[[int], None] = lambda _: None
) -> list[list[Face]]:
    source = MemorySource(pictures)
    update, seen = board.follow(source), []
    for frame in board.prepared(source):
        between(frame.index)
        seen.append(update(frame))
    return seen


def points_of(faces: list[Face]) -> np.ndarray:
    assert len(faces) == 1
    return faces[0].landmarks.points


def test_another_precision_takes_over_between_two_frames(board: Switchboard, pictures: list[np.ndarray]) -> None:
    def switch(index: int) -> None:
        if index == 6:
            board.change({"precision": "int8", "smoothing": False})
            wait_until_loaded(board)

    seen = track(board, pictures, switch)
    assert all(len(faces) == 1 for faces in seen)
    assert board.state()["settings"]["precision"] == "int8"
    with Switchboard(resolve_model(DEFAULT_MODEL, "int8"), threads=1, smoothing=False) as other:
        assert other.state()["settings"]["precision"] == "int8"
        expected = track(other, pictures[6:])
    np.testing.assert_allclose(
        points_of(seen[-1]), points_of(expected[-1]), atol=0.5
    )  # the detector's first box differs


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(ArtifactError("x.onnx: is cut off"), id="a failure that is expected"),
        pytest.param(RuntimeError("x.onnx: is cut off"), id="one that is not"),
    ],
)
def test_a_model_that_cannot_be_loaded_leaves_the_old_one_and_says_why(
    pictures: list[np.ndarray], failure: Exception
) -> None:
    def only_fp32(model: str | Path, *, precision: str | None = None, **_: object) -> FaceLandmarker:
        if resolve_model(model, precision) != resolve_model(DEFAULT_MODEL, "fp32"):
            raise failure
        return FaceLandmarker(model, precision=precision, threads=1)

    with Switchboard(DEFAULT_MODEL, precision="fp32", new_landmarker=only_fp32) as board:
        board.change({"precision": "int8"})
        wait_until_loaded(board)
        state = board.state()
        assert (state["settings"]["precision"], state["problem"]) == ("fp32", "x.onnx: is cut off")
        assert len(track(board, pictures[:2])[1]) == 1


def test_while_something_is_loaded_the_occluder_still_moves(board: Switchboard) -> None:
    board.change({"edges": True})
    board.change({"occluder": [0, 0, 0.5, 0.5]})
    if board.state()["loading"]:
        with pytest.raises(ConfigError, match="is being loaded"):
            board.change({"precision": "int8"})
    wait_until_loaded(board)
    settings = board.state()["settings"]
    assert (settings["edges"], settings["occluder"]) == (True, (0, 0, 0.5, 0.5))


def test_a_wrong_setting_changes_nothing(board: Switchboard) -> None:
    before = board.state()
    with pytest.raises(ConfigError, match="precision must be one of fp32"):
        board.change({"edges": True, "precision": "int3"})
    assert board.state() == before


def test_the_network_sees_the_occluder(board: Switchboard, pictures: list[np.ndarray]) -> None:
    bare = track(board, pictures)
    board.change({"occluder": [0.0, 0.6, 1.0, 1.0]})
    hidden = track(board, pictures)
    assert len(hidden[-1]) == 1, "the face is still followed"
    moved_px = np.linalg.norm(points_of(hidden[-1]) - points_of(bare[-1]), axis=1)
    below = points_of(bare[-1])[:, 1] > 0.65 * pictures[0].shape[0]
    assert below.any()
    assert moved_px[below].mean() > 0.1, "covered points are inferred, no longer seen"


def test_the_occluder_is_drawn_into_a_copy() -> None:
    frame = Frame(scene(), 0, 0.0)
    before = frame.image.copy()
    image = covered(frame, (0.25, 0.5, 0.5, 1.0)).image
    assert np.array_equal(frame.image, before)
    assert (image[120:, 80:160] == 96).all()
    changed = (image != before).any(axis=-1)
    assert not changed[:120].any()
    assert not changed[:, :80].any()
    assert not changed[:, 160:].any()


def test_a_whole_run_takes_it_for_a_landmarker(board: Switchboard, pictures: list[np.ndarray]) -> None:
    view = NoView()
    summary = run(MemorySource(pictures), board, view, progress=board.prepared)
    assert (summary.num_frames, summary.frames_with_faces) == (12, 12)
    assert view.shown is not None
    extras = board.extras(view.shown.frame)
    assert extras.edges == []
    assert extras.jitter_percent is not None


@pytest.mark.parametrize(
    ("family", "precision"), [(family, precision) for family, stored in families().items() for precision in stored]
)
def test_edge_weights_are_the_rows_of_an_attention(family: str, precision: str, pictures: list[np.ndarray]) -> None:
    with Switchboard(resolve_model(family, precision), threads=1) as board:
        board.change({"edges": True})
        wait_until_loaded(board)
        seen = track(board, pictures[:2])
        state, (edges,) = board.state(), board.extras(1).edges
    assert state["problem"] == ""
    assert np.array_equal(edges.points, points_of(seen[1]))
    sums = np.bincount(edges.pairs[:, 0], edges.weights, minlength=len(edges.points))
    assert ((sums > 0) & (sums < 1 + 1e-3)).all(), "the rest of each row is the node's own weight"
    assert edges.pairs.min() == 0
    assert edges.pairs.max() == len(edges.points) - 1
    assert (edges.pairs[:, 0] != edges.pairs[:, 1]).all()
    drawn = draw_edges(pictures[1], edges)
    assert (drawn != pictures[1]).any()


def test_edge_weights_follow_the_picture(pictures: list[np.ndarray]) -> None:
    with Switchboard(threads=1) as board:
        face = track(board, pictures[:1])[0][0]
    reader = AttentionReader(resolve_model(DEFAULT_MODEL))
    bare = reader.edges(pictures[0], face).weights
    dark = reader.edges(np.zeros_like(pictures[0]), face).weights
    assert np.abs(bare - dark).max() > 0.01


def test_edges_that_cannot_be_read_are_switched_off(
    board: Switchboard, pictures: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise ArtifactError(f"{path.name}: holds no graph")

    monkeypatch.setattr("sdfl.runtime.live.switchboard.AttentionReader", fail)
    board.change({"edges": True})
    wait_until_loaded(board)
    seen = track(board, pictures[:2])
    assert [len(faces) for faces in seen] == [1, 1], "tracking goes on"
    state = board.state()
    assert (state["settings"]["edges"], state["problem"].endswith("holds no graph")) == (False, True)


def face_at(points: np.ndarray, number: int = 1) -> Face:
    box = np.array([0, 0, 1, 1], np.float32)
    return Face(number, Box(box), Landmarks(points.astype(np.float32), "ibug68"), 1.0, 0)


@pytest.mark.parametrize(
    ("noise_px", "step_px", "expected"),
    [
        pytest.param(0.0, 0.0, 0.0, id="still"),
        pytest.param(0.0, 3.0, 0.0, id="even motion is no jitter"),
        pytest.param(0.5, 0.0, None, id="noise"),
        pytest.param(0.5, 3.0, None, id="noise on a moving face"),
    ],
)
def test_jitter_is_that_of_the_bench_on_a_still_face(noise_px: float, step_px: float, expected: float | None) -> None:
    random = np.random.default_rng(0)
    base = random.uniform(0, 100, (68, 2))
    base[36], base[45] = (20, 50), (80, 50)
    noise = random.normal(0, noise_px, (200, 68, 2))
    jitter, seen = Jitter(), list[float | None]()
    for index, offset in enumerate(noise):
        jitter.update([face_at(base + index * step_px + offset)])
        seen.append(jitter.percent)
    assert seen[:2] == [None, None]
    if expected is None:  # 100 |p(t) - p(t-1)| / d
        expected = float(100 / 60 * np.linalg.norm(np.diff(noise, axis=0), axis=-1).mean())
    assert np.mean([each for each in seen[2:] if each is not None]) == pytest.approx(expected, rel=0.03, abs=1e-4)


def test_jitter_starts_anew_with_another_face() -> None:
    jitter, points = Jitter(), np.arange(136).reshape(68, 2)
    for _ in range(3):
        jitter.update([face_at(points)])
    assert jitter.percent == 0
    jitter.update([face_at(points + 50, number=2)])
    assert jitter.percent is None
    jitter.update([])
    assert jitter.percent is None


def test_without_a_name_the_default_model_runs_in_int8() -> None:
    with Switchboard(threads=1) as opened:
        settings = opened.state()["settings"]
    assert (settings["model"], settings["precision"]) == (DEFAULT_MODEL, "int8")


def test_the_next_model_takes_over_a_detector_with_a_threshold_of_ones_own() -> None:
    with Switchboard("nano", precision="fp32", detection_threshold=0.9, threads=1) as board:
        detector = board._landmarker.detector
        assert isinstance(detector, NetworkDetector)
        assert detector.threshold == 0.9
        board.change({"precision": "int8"})
        wait_until_loaded(board)
        assert (board.state()["problem"], board.state()["settings"]["precision"]) == ("", "int8")
        shared = board._landmarker.detector
        assert isinstance(shared, GivenDetector)
        assert shared._detector is detector
