from pathlib import Path

import cv2
import numpy as np
import pytest
from faces import write_faces

from sdfl.benchmarks.video import FPS, NUM_FRAMES, jitter_percent, lag_and_error, make_clip, make_clips, motion
from sdfl.datasets import find_samples


def moving_points(shift_frames: float = 0.0, count: int = 60) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = rng.uniform(-50, 50, (68, 2))
    shape[[36, 45]] = (-20, 0), (20, 0)
    at = np.arange(count) - shift_frames
    places = np.stack([40 * np.sin(2 * np.pi * at / 30), 20 * np.cos(2 * np.pi * at / 30)], axis=1)
    return (shape + places[:, None]).astype(np.float32)


@pytest.mark.parametrize("delay", [0.0, 1.0, 2.5])
def test_a_known_delay_is_found(delay: float) -> None:
    frames, error = lag_and_error(moving_points(delay) + 3, moving_points(), "ibug68")
    assert frames == pytest.approx(delay, abs=0.05)
    assert (error > 1) == (delay > 0)


def test_jitter_is_the_spread_about_the_mean_and_no_constant_error() -> None:
    still = np.repeat(moving_points()[:1], 2000, axis=0)
    noise = np.random.default_rng(1).normal(0, 0.3, still.shape).astype(np.float32)
    assert jitter_percent(still + 5, still, "ibug68") == pytest.approx(0, abs=0.01)  # float32 means
    assert jitter_percent(still + noise, still, "ibug68") == pytest.approx(0.3 * np.sqrt(2) / 40 * 100, rel=0.02)


def test_the_truth_of_a_clip_lies_on_the_picture(tmp_path: Path) -> None:
    sample = find_samples(write_faces(tmp_path / "faces", 1))[0]
    clip = make_clip(sample, tmp_path / "clip", moving=True, num_frames=13)
    assert len(clip.paths) == len(clip.truth) == 13
    for path, truth in list(zip(clip.paths, clip.truth, strict=True))[::6]:
        frame = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        at = np.round(truth[:17]).astype(int)  # the drawn jaw line is dark
        assert np.median(frame[at[:, 1], at[:, 0]]) < np.median(frame) - 20


def test_a_still_clip_has_only_noise(tmp_path: Path) -> None:
    still, moving = make_clips(find_samples(write_faces(tmp_path / "faces", 3)), tmp_path, 1, num_frames=8)[0]
    assert np.ptp(still.truth, axis=0).max() == 0
    assert np.ptp(moving.truth, axis=0).max() > 30
    first, second = (cv2.imread(str(path)).astype(float) for path in still.paths[:2])
    assert 6 < (first - second).std() < 6 * np.sqrt(2) + 0.5


def test_the_motion_closes_after_two_seconds() -> None:
    assert NUM_FRAMES == 2 * FPS
    assert motion(NUM_FRAMES) == pytest.approx(motion(0))
