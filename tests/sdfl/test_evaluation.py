from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.datasets import Sample
from sdfl.errors import DataError
from sdfl.evaluation import detected_region, evaluate
from sdfl.geometry import evaluation_affine, invert_affine, landmark_box, transform_points
from sdfl.types import Box, Image, Prediction

SIZE = 64


def make_samples(folder: Path, count: int) -> list[Sample]:
    rng = np.random.default_rng(0)
    samples = []
    for index in range(count):
        path = folder / f"{index}.png"
        cv2.imwrite(str(path), np.full((200, 200, 3), index, np.uint8))
        points = rng.uniform(60, 140, size=(68, 2)).astype(np.float32)
        points[[36, 45]] = (80.0, 90.0), (120.0, 90.0)
        samples.append(Sample(path, points, "ibug68"))
    return samples


class KnowsTheTruth:
    """Answers with the true points, moved by `shift_frame_px`; tells pictures apart by their grey level."""

    spec = ModelSpec("oracle", "ibug68", 68, SIZE)

    def __init__(self, samples: list[Sample], shift_frame_px: float) -> None:
        self._samples, self._shift = samples, shift_frame_px

    def infer(self, crops: Image) -> Prediction:
        points = []
        for crop in crops:
            sample = self._samples[int(crop[SIZE // 2, SIZE // 2, 0])]
            to_crop = invert_affine(evaluation_affine(sample.points, SIZE, 1.25))
            points.append(transform_points(to_crop, sample.points + np.array([self._shift, 0], np.float32)))
        count = len(crops)
        return Prediction(np.stack(points), np.ones(count, np.float32), np.zeros((count, 68), np.float32))

    def close(self) -> None: ...


def test_an_error_of_two_pixels_over_forty_is_five_percent(tmp_path: Path) -> None:
    samples = make_samples(tmp_path, 20)
    summary = evaluate(KnowsTheTruth(samples, 2.0), samples).summary()
    assert summary["nme_percent"] == pytest.approx(5.0, abs=1e-3)
    assert summary["failure_rate_8_percent"] == 0
    assert summary["auc_10"] == pytest.approx(0.5, abs=1e-3)
    assert (summary["num_images"], summary["num_found"], summary["crops"]) == (20, 20, "true")


def test_large_errors_are_failures(tmp_path: Path) -> None:
    samples = make_samples(tmp_path, 3)
    summary = evaluate(KnowsTheTruth(samples, 3.6), samples).summary()  # 9 %
    assert (summary["failure_rate_8_percent"], summary["failure_rate_10_percent"]) == (100, 0)


class FindsTheFirst:
    def __init__(self, truth: np.ndarray) -> None:
        self._boxes = [Box(np.array([0, 0, 20, 20], np.float32), 0.9), Box(landmark_box(truth), 0.5)]

    def detect(self, image: Image) -> list[Box]:
        return self._boxes if int(image[0, 0, 0]) == 0 else []


def test_missed_faces_count_as_failures_and_not_in_the_nme(tmp_path: Path) -> None:
    samples = make_samples(tmp_path, 4)
    region = detected_region(FindsTheFirst(samples[0].points))
    result = evaluate(KnowsTheTruth(samples, 2.0), samples, region_of=region, crops="detected")
    summary = result.summary()
    assert (summary["num_found"], summary["failure_rate_10_percent"]) == (1, 75)
    assert summary["nme_percent"] == pytest.approx(5.0, abs=1e-3)
    result.write_csv(tmp_path / "out.csv")
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[0] == "image,nme_percent,presence"
    assert rows[1].endswith(f"0.png,{summary['nme_percent']},1.0")
    assert rows[2].endswith("1.png,,")


def test_another_layout_is_refused(tmp_path: Path) -> None:
    samples = make_samples(tmp_path, 1)
    other = Sample(samples[0].image_path, np.zeros((29, 2), np.float32), "cofw29")
    with pytest.raises(DataError, match="has layout cofw29, the model oracle predicts ibug68"):
        evaluate(KnowsTheTruth(samples, 0.0), [other])
