"""Steady at rest, at once when it moves, the same at every distance and rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from toy_face import scene, truth

from sdfl import FaceLandmarker
from sdfl.errors import ConfigError
from sdfl.runtime.tracking.smoothing import LowPass, Smoother
from sdfl.types import FloatArray, Frame, Image

EVEN = np.ones(68, np.float32)
SHAPE = truth(0, 0, 50)
Place = Callable[[float], tuple[float, float]]


def run(
    place: Place, times_s: FloatArray, *, size: float = 1.0, noise: float = 0.0, spread: FloatArray = EVEN
) -> tuple[FloatArray, FloatArray]:
    """(T, 68, 2) filtered and true points of a face that moves as `place` says, in sizes of 50 px."""
    rng, smoother = np.random.default_rng(0), Smoother()
    true = np.stack([SHAPE + 50 * np.array(place(t), np.float32) for t in times_s]) * np.float32(size)
    noisy = true + rng.normal(0, 50 * noise * size, true.shape).astype(np.float32)
    return np.stack([smoother.update(p, spread, t) for p, t in zip(noisy, times_s, strict=True)]), true


def error_sizes(place: Place, times_s: FloatArray, size: float = 1.0) -> float:
    filtered, true = run(place, times_s, size=size)
    return float(np.linalg.norm(filtered - true, axis=-1).mean() / (50 * size))


def at_rate(fps: float, seconds: float = 3.0) -> FloatArray:
    return np.arange(0, seconds, 1 / fps).astype(np.float32)


def sways(t: float) -> tuple[float, float]:
    return 0.5 * float(np.sin(2 * np.pi * t / 2)), 0.0


def rests(_: float) -> tuple[float, float]:
    return 0.0, 0.0


def test_noise_at_rest_is_cut_to_a_fifth() -> None:
    filtered, true = run(rests, at_rate(30), noise=0.005)
    step = np.linalg.norm(np.diff(filtered[30:], axis=0), axis=-1).mean()
    raw = 50 * 0.005 * np.sqrt(np.pi)  # mean step of independent noise
    assert step < raw / 5
    assert np.abs(filtered[30:].mean(axis=0) - true[0]).max() < 0.3  # it settles at the mean and not where it began


def test_a_moving_face_is_followed_at_once() -> None:
    assert error_sizes(sways, at_rate(30)) < 0.02


def test_a_stop_is_not_overshot() -> None:
    filtered, true = run(lambda t: (min(t, 1.0), 0.0), at_rate(30))
    beyond = filtered[..., 0] - true[-1, :, 0]
    assert beyond.max() < 0.05, "px, of a way of 50"


@pytest.mark.parametrize("size", [0.2, 5.0], ids=["far away", "near"])
def test_the_distance_of_the_face_changes_nothing(size: float) -> None:
    near, far = run(sways, at_rate(30), noise=0.01)[0], run(sways, at_rate(30), noise=0.01, size=size)[0]
    np.testing.assert_allclose(far / size, near, atol=0.02)


@pytest.mark.parametrize("fps", [15, 60, 120])
def test_other_rates_lag_as_little(fps: float) -> None:
    assert error_sizes(sways, at_rate(fps)) < 0.025


def test_dropped_frames_are_bridged() -> None:
    times = np.delete(at_rate(30), [20, 21, 22, 50, 51])
    assert error_sizes(sways, times) < 0.025


def test_timestamps_that_stand_still_do_no_harm() -> None:
    filtered, true = run(rests, np.zeros(10, np.float32), noise=0.005)
    assert np.abs(filtered - true).max() < 3


def test_after_a_second_without_the_face_it_begins_anew() -> None:
    smoother = Smoother()
    smoother.update(SHAPE, EVEN, 0.0)
    np.testing.assert_array_equal(smoother.update(SHAPE + 500, EVEN, 1.0), SHAPE + 500)


def test_uncertain_points_are_held_more_firmly() -> None:
    spread = EVEN.copy()
    spread[:8] = 10
    steps = np.linalg.norm(np.diff(run(rests, at_rate(30), noise=0.005, spread=spread)[0][30:], axis=0), axis=-1)
    assert steps[:, :8].mean() < 0.8 * steps[:, 8:].mean()


def test_turning_head_does_not_bend_the_shape() -> None:
    smoother = Smoother()
    for index in range(60):
        points = truth(160, 120, 50, 3.0 * index)
        filtered = smoother.update(points, EVEN, index / 30)
    across = np.linalg.norm(filtered[36] - filtered[45])
    assert across == pytest.approx(np.linalg.norm(points[36] - points[45]), rel=0.01)


def test_one_switch_turns_it_off(landmarker: FaceLandmarker) -> None:
    rng = np.random.default_rng(0)
    noisy = [Frame(_noisy(rng), index, index / 30) for index in range(20)]

    def steps(smoothing: bool) -> float:
        with FaceLandmarker(backend=landmarker._backend, detector=landmarker.detector, smoothing=smoothing) as opened:
            tracker = opened.new_tracker()
            points = np.stack([tracker.update(frame)[0].landmarks.points for frame in noisy])
        return float(np.linalg.norm(np.diff(points[5:], axis=0), axis=-1).mean())

    assert steps(True) < 0.6 * steps(False)


def _noisy(rng: np.random.Generator) -> Image:
    return scene((160 + rng.normal(0, 0.5), 120 + rng.normal(0, 0.5), 40))


def test_wrong_parameters_name_the_key() -> None:
    with pytest.raises(ConfigError, match=r"smoothing.slack must be at least 0, got -1"):
        LowPass(1.0, -1, 1.0)


def test_points_that_fall_onto_one_spot_stay_numbers() -> None:
    """A network can put all points into one place; that similarity has no logarithm."""
    smoother = Smoother()
    smoother.update(SHAPE, EVEN, 0.0)
    spot = np.full_like(SHAPE, 40.0)
    assert np.isfinite(smoother.update(spot, EVEN, 1 / 30)).all()
    for frame in range(2, 40):
        filtered = smoother.update(SHAPE, EVEN, frame / 30)
    assert np.abs(filtered - SHAPE).max() < 0.5
