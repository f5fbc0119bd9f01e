"""The shipped network on clips made from real pictures: nobody lost, nobody invented, nobody confused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdfl import FaceLandmarker
from sdfl.benchmarks.video.clips import FPS, SIZE, make_clip
from sdfl.benchmarks.video.metrics import ReportedFace, measure_clip
from sdfl.benchmarks.video.stills import labelled_stills
from sdfl.datasets import find_samples
from sdfl.types import Frame

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def measured(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every result, by scene, of one picture of AFW that shows nobody else."""
    still = labelled_stills(find_samples(data_dir / "300w" / "afw"), 3)[0]
    path = tmp_path_factory.mktemp("clips") / "clip.bgr"
    results = {}
    for name in ("still", "motion", "cover", "leave, return", "crossing", "nobody"):
        clip = make_clip(name, still, path)
        frames = np.fromfile(path, np.uint8).reshape(-1, SIZE[1], SIZE[0], 3)
        with FaceLandmarker(threads=1, max_faces=max(1, len(clip.faces))) as landmarker:
            tracker = landmarker.new_tracker()
            seen = [
                [
                    ReportedFace(face.id, face.landmarks.points)
                    for face in tracker.update(Frame(image, index, index / FPS))
                ]
                for index, image in enumerate(frames)
            ]
        results[name] = measure_clip(clip, seen, "ibug68")
    return results


@pytest.mark.parametrize("name", ["still", "motion", "cover", "leave, return", "crossing", "nobody"])
def test_no_face_is_invented(measured: dict[str, dict[str, Any]], name: str) -> None:
    assert measured[name]["false_faces"] == 0


@pytest.mark.parametrize("name", ["still", "motion", "cover"])
def test_no_frame_is_lost(measured: dict[str, dict[str, Any]], name: str) -> None:
    assert measured[name]["frames_lost"] == 0


@pytest.mark.parametrize("name", ["cover", "crossing"])
def test_identities_are_kept(measured: dict[str, dict[str, Any]], name: str) -> None:
    assert measured[name]["identity_switches"] == 0


@pytest.mark.parametrize("name", ["cover", "leave, return", "crossing"])
def test_a_hidden_face_is_lost_within_three_frames_and_found_again(
    measured: dict[str, dict[str, Any]], name: str
) -> None:
    assert measured[name]["lose_frames"] <= 3
    assert measured[name]["reacquire_frames"] <= 6


def test_it_is_steady_and_follows(measured: dict[str, dict[str, Any]]) -> None:
    assert measured["still"]["jitter_percent"] < 0.2  # the unsmoothed points: 0.4 to 0.7
    assert measured["motion"]["motion_error_percent"] < 0.9
