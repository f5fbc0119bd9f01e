"""The built-in detector, on real faces where they are at hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl.datasets import find_samples, read_image
from sdfl.errors import SdflError
from sdfl.geometry import box_iou, landmark_box
from sdfl.runtime.detector import CascadeDetector
from sdfl.runtime.sources import SampleSource


def test_finds_the_face_of_the_sample_in_nearly_every_frame() -> None:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    detector, found = CascadeDetector(), []
    for frame in list(SampleSource())[::15]:
        boxes = detector.detect(frame.image)
        found.append(len(boxes))
        assert all(0 <= box.score <= 1 for box in boxes)
        assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)
    assert np.mean(np.array(found) > 0) > 0.8


def test_boxes_are_in_px_of_the_full_picture() -> None:
    pytest.importorskip("skimage", reason="the sample picture comes with the extra demo")
    small = next(iter(SampleSource())).image
    large = cv2.resize(small, None, fx=3, fy=3)
    detector = CascadeDetector()
    at_small, at_large = detector.detect(small)[0].xyxy, detector.detect(large)[0].xyxy  # type: ignore[arg-type]
    assert box_iou(at_small * 3, at_large) > 0.8


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((1, 1), id="one pixel"),
        pytest.param((480, 640), id="plain"),
        pytest.param((3000, 20), id="a strip"),
    ],
)
def test_nothing_to_see_is_an_empty_list(shape: tuple[int, int]) -> None:
    assert CascadeDetector().detect(np.full((*shape, 3), 128, np.uint8)) == []


@pytest.mark.data
def test_boxes_look_like_landmark_boxes(data_dir: Path) -> None:
    samples = find_samples(data_dir / "300w" / "afw")[::6]
    detector, overlaps, offsets = CascadeDetector(), [], []
    for sample in samples:
        truth = landmark_box(sample.points)
        boxes = [box.xyxy for box in detector.detect(read_image(sample.image_path))]
        best = max(boxes, key=lambda box: box_iou(box, truth), default=None)
        if best is not None and (overlap := box_iou(best, truth)) > 0.2:
            overlaps.append(overlap)
            offsets.append(((best[:2] + best[2:]) - (truth[:2] + truth[2:])) / 2 / (truth[2:] - truth[:2]).max())
    assert len(overlaps) > 0.75 * len(samples)
    assert np.median(overlaps) > 0.7  # AFW is hard: many heads are turned, and a cascade's square does not turn
    assert np.abs(np.median(offsets, axis=0)).max() < 0.04, "the calibration is off to one side"


def test_opencv_without_cascades_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(SdflError, match=r"pip install 'opencv-python>=4.8,<5'"):
        CascadeDetector()
