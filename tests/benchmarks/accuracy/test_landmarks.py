from pathlib import Path

import numpy as np
import pytest
from faces import write_faces
from toy_model import save_toy_model

from sdfl.benchmarks.accuracy.crops import SWEEP, BoxFinder, hide
from sdfl.benchmarks.accuracy.landmarks import (
    accuracy_result,
    hidden_percent,
    measure_accuracy,
    measure_sweep,
    turn_percent,
)
from sdfl.datasets import Sample, find_samples
from sdfl.evaluation import detected_region, evaluate
from sdfl.geometry import landmark_box
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.types import Backend, Box


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return find_samples(write_faces(tmp_path_factory.mktemp("faces"), 20))


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Backend:
    return OnnxRuntimeBackend(save_toy_model(tmp_path_factory.mktemp("toy") / "toy.onnx"), threads=1)


def finder(samples: list[Sample]) -> BoxFinder:
    return BoxFinder(FakeDetector([Box(landmark_box(samples[0].points))]))


@pytest.mark.parametrize("crops", ["true", "detected"])
def test_figures_are_those_of_sdfl_eval(backend: Backend, samples: list[Sample], crops: str) -> None:
    result = measure_accuracy(backend, samples, crops, finder(samples))
    detector = FakeDetector([Box(landmark_box(samples[0].points))])
    if crops == "detected":
        expected = evaluate(backend, samples, crops=crops, region_of=detected_region(detector)).summary()
    else:
        expected = evaluate(backend, samples, crops=crops).summary()
    assert {key: result[key] for key in expected} == expected
    parts = result["pictures"]["regions_nme_percent"]
    assert {name: pytest.approx(np.mean(each), abs=1e-3) for name, each in parts.items()} == (
        result["regions_nme_percent"]
    )
    low, high = result["nme_percent_interval"]
    assert low < result["nme_percent"] < high


def test_tracked_crops_are_cut_around_the_first_prediction(backend: Backend, samples: list[Sample]) -> None:
    boxes = finder(samples)
    detected = measure_accuracy(backend, samples, "detected", boxes)
    tracked = measure_accuracy(backend, samples, "tracked", boxes)
    assert tracked["num_found"] == detected["num_found"]
    assert tracked["nme_percent"] != detected["nme_percent"]


def test_missed_faces_fail_and_are_not_among_the_worst(samples: list[Sample]) -> None:
    points = [None if index < 5 else sample.points + np.float32(1) for index, sample in enumerate(samples)]
    result = accuracy_result(samples, points, np.ones(len(samples), np.float32), "detected")
    assert (result["num_found"], result["failure_rate_10_percent"]) == (15, 25)
    assert result["pictures"]["nme_percent"][:5] == [None] * 5
    assert not {item["name"] for item in result["worst"]} & set(result["pictures"]["name"][:5])
    drawn = np.asarray([item["points"] for item in result["worst"]]).ravel().tolist()
    assert max(len(str(value).partition(".")[2]) for value in drawn) == 1, "one digit behind the point"


def test_nothing_found_gives_no_nme_and_no_interval(samples: list[Sample]) -> None:
    result = accuracy_result(samples, [None] * len(samples), np.ones(len(samples), np.float32), "detected")
    assert (result["nme_percent"], result["failure_rate_8_percent"], result["worst"]) == (None, 100, [])


def test_the_sweep_begins_at_the_undisturbed_crop(backend: Backend, samples: list[Sample]) -> None:
    steps: list[int] = []
    sweep = measure_sweep(backend, samples[:4], steps.append)
    calm = {
        axis: row["nme_percent"][row["amount"].index(1.0 if axis == "scale" else 0.0)]
        for axis, row in sweep["axes"].items()
    }
    assert set(calm) == set(SWEEP)
    assert len(set(calm.values())) == 1
    assert sum(steps) == 4
    assert measure_sweep(backend, samples[:4]) == sweep  # the same pictures are disturbed alike for every model


def test_a_hidden_part_has_the_share_that_was_asked_for() -> None:
    image = np.full((200, 200, 3), 255, np.uint8)
    covered = hide(image, np.array([50, 60, 150, 140], np.float32), 0.25, np.random.default_rng(3))
    changed = (covered != image).any(axis=2)
    assert changed[60:140, 50:150].mean() == pytest.approx(0.25, abs=0.02)
    assert changed.sum() == changed[60:140, 50:150].sum()
    assert (image == 255).all()


def test_turn_is_nothing_for_a_frontal_face_and_does_not_count_roll() -> None:
    points = np.zeros((68, 2), np.float32)
    points[36], points[45], points[30] = (-10, 0), (10, 0), (5, 8)
    assert turn_percent(points, "ibug68") == pytest.approx(25)
    turned = points @ np.array([[0, 1], [-1, 0]], np.float32)
    assert turn_percent(turned, "ibug68") == pytest.approx(25)
    points[30] = (0, 8)
    assert turn_percent(points, "ibug68") == pytest.approx(0)


def test_hidden_points_are_counted_where_the_labels_tell(samples: list[Sample]) -> None:
    visible = np.ones(68, bool)
    visible[:17] = False
    assert hidden_percent(Sample(samples[0].image_path, samples[0].points, "ibug68", visible=visible)) == 25
    assert hidden_percent(samples[0]) is None


@pytest.mark.data
def test_peers_of_the_labels_are_exact_on_real_faces(data_dir: Path) -> None:
    samples = find_samples(data_dir / "300w" / "helen" / "testset")[:20]
    result = accuracy_result(samples, [sample.points for sample in samples], np.ones(20, np.float32), "true")
    assert result["nme_percent"] == result["common_nme_percent"] == 0
