"""Pictures made worse: the same every time, and worse the more of it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from faces import write_faces

from sdfl.benchmarks.accuracy.degradations import DEGRADATIONS, VIEW_PX, degrade, resized
from sdfl.types import Image


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = write_faces(tmp_path_factory.mktemp("faces"), 1, size=VIEW_PX)
    image = cv2.imread(str(next(Path(folder).glob("*.png"))))
    return resized(np.asarray(image, np.uint8), VIEW_PX)


@pytest.mark.parametrize("axis", DEGRADATIONS)
def test_more_of_it_is_farther_from_the_picture(view: Image, axis: str) -> None:
    made = [degrade(view, axis, amount, np.random.default_rng(1)) for amount in DEGRADATIONS[axis][1:]]
    assert all(each.shape == view.shape and each.dtype == np.uint8 for each in made)
    distances = [float(np.abs(each.astype(float) - view).mean()) for each in made]
    assert distances[0] > 0
    assert distances == sorted(distances)
    again = degrade(view, axis, DEGRADATIONS[axis][-1], np.random.default_rng(1))
    assert (again == made[-1]).all()


def test_a_dark_picture_keeps_its_brightness(view: Image) -> None:
    """As a camera's automatic gain does: the light is gone, the noise shows."""
    dark = degrade(view, "darkness", 0.9, np.random.default_rng(0))
    assert abs(float(dark.mean()) - float(view.mean())) < 12
