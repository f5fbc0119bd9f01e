"""Clips whose truth is known, and what is measured on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_face import box_of, scene, toy_network, truth

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.benchmarks.video.clips import FPS, SCENES, SIZE, STILL_FRAMES, Clip, Still, make_clip, plan_clip
from sdfl.benchmarks.video.metrics import ReportedFace, measure_clip
from sdfl.geometry import landmark_box, transform_points
from sdfl.runtime.backends.fake import FakeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.tracking.tracker import FaceTracker
from sdfl.types import FloatArray, Frame

pytestmark = pytest.mark.slow

PLACE = (160, 120, 60)
POINTS = truth(*PLACE)
SPEC = ModelSpec(name="toy", layout="ibug68", num_points=68, input_size=128, crop_scale=1.5)


def toy_clip(name: str, folder: Path) -> Clip:
    return make_clip(name, Still(scene(PLACE), landmark_box(POINTS)), folder / "clip.bgr")


def planned(name: str) -> Clip:
    return plan_clip(name, Still(scene(PLACE), landmark_box(POINTS)), Path("unwritten"))


def frames_of(clip: Clip) -> np.ndarray:
    return np.fromfile(clip.path, np.uint8).reshape(clip.num_frames, SIZE[1], SIZE[0], 3)


def true_points(clip: Clip, frame: float, face: int = 0) -> FloatArray:
    return transform_points(clip.place(face, frame), POINTS)


def reports(clip: Clip, *, delay: float = 0.0, noise_px: float = 0.0, stuck: bool = False) -> list[list[ReportedFace]]:
    """What a perfect tracker would say, `delay` frames late, noisy, or never letting go of its first place."""
    rng, rows = np.random.default_rng(0), []
    for index in range(clip.num_frames):
        faces = []
        for face in clip.faces:
            if clip.shown[face, index] > 0.3 or stuck:
                points = true_points(clip, 0 if stuck else index - delay, face)
                faces.append(ReportedFace(face, points + rng.normal(0, noise_px, (68, 2)).astype(np.float32)))
        rows.append(faces)
    return rows


@pytest.mark.parametrize("name", ["motion", "stops"])
def test_the_truth_lies_on_the_picture(name: str, tmp_path: Path) -> None:
    clip = toy_clip(name, tmp_path)
    tracker = FaceTracker(FakeBackend(SPEC, toy_network), FakeDetector([box_of(320, 240, 100)]), smoother=None)
    for index, image in enumerate(frames_of(clip)):
        faces = tracker.update(Frame(image, index, index / FPS))
        if clip.shown[0, index] == 1 and faces:
            assert np.abs(faces[0].landmarks.points - true_points(clip, index)).max() < 5, f"frame {index}"


def test_perfect_reports_have_no_faults() -> None:
    for name in SCENES:
        clip = planned(name)
        result = measure_clip(clip, reports(clip), "ibug68")
        faults = {
            key: value for key, value in result.items() if value and key not in ("frames_wanted", "reacquire_frames")
        }
        assert {key: value for key, value in faults.items() if abs(value) > 0.01} == {}, name


@pytest.mark.parametrize("delay", [0.0, 1.0, 2.5])
def test_a_known_delay_is_found(delay: float) -> None:
    clip = planned("motion")
    result = measure_clip(clip, reports(clip, delay=delay), "ibug68")
    assert result["lag_ms"] == pytest.approx(delay * 1000 / FPS, abs=2)
    assert (result["motion_error_percent"] > 0.5) == (delay > 0)


def test_jitter_is_of_steps_and_rms_of_places() -> None:
    clip = planned("still")
    result = measure_clip(clip, reports(clip, noise_px=0.5), "ibug68")
    points = true_points(clip, 0)
    d = np.linalg.norm(points[36] - points[45])
    assert result["rms_percent"] == pytest.approx(100 * 0.5 * np.sqrt(2) / d, rel=0.05)
    assert result["jitter_percent"] == pytest.approx(100 * 0.5 * np.sqrt(np.pi) / d, rel=0.05)  # mean of Rayleigh


def test_a_tracker_that_never_lets_go_is_caught() -> None:
    clip = planned("leave, return")
    result = measure_clip(clip, reports(clip, stuck=True), "ibug68")
    assert result["false_faces"] > 30
    assert result["frames_lost"] > 10


def test_swapped_identities_count_twice() -> None:
    clip = planned("crossing")
    rows = reports(clip)
    half = clip.num_frames // 2
    swapped = rows[:half] + [[ReportedFace(1 - int(face.id or 0), face.points) for face in row] for row in rows[half:]]
    assert measure_clip(clip, swapped, "ibug68")["identity_switches"] == 2


def test_a_clip_begins_at_rest_and_has_only_noise_there(tmp_path: Path) -> None:
    clip = toy_clip("motion", tmp_path)
    assert np.ptp([clip.place(0, frame) for frame in range(STILL_FRAMES)], axis=0).max() == 0
    first, second = frames_of(clip)[:2].astype(float)
    assert 6 < (first - second).std() < 6 * np.sqrt(2) + 0.5


def test_nobody_is_in_the_clip_without_faces() -> None:
    clip = planned("nobody")
    assert clip.shown.shape == (0, clip.num_frames)
    assert (
        measure_clip(clip, [[ReportedFace(None, POINTS)]] * clip.num_frames, "ibug68")["false_faces"] == clip.num_frames
    )
