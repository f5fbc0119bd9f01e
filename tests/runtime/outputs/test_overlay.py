"""The drawing: on the face, as thick as the face is large, never outside the picture's memory."""

from __future__ import annotations

import numpy as np
import pytest
from toy_face import truth

from sdfl.geometry import landmark_box
from sdfl.runtime.outputs.overlay import draw
from sdfl.types import Box, Face, Landmarks


def face(x: float, y: float, radius: float) -> Face:
    points = truth(x, y, radius)
    return Face(1, Box(landmark_box(points)), Landmarks(points, "ibug68"), 1.0, 0)


def test_draws_on_the_face_and_leaves_the_input_alone() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    drawn = draw(image, [face(160, 120, 40)])
    assert not image.any()
    rows, columns = np.nonzero(drawn[100:].any(axis=2))  # below the chip with the id
    assert abs(columns.mean() - 160) < 10
    assert np.hypot(rows + 100 - 120, columns - 160).max() < 45


def test_a_larger_face_gets_thicker_lines() -> None:
    image = np.zeros((1000, 1000, 3), np.uint8)
    small, large = (np.count_nonzero(draw(image, [face(500, 500, radius)]).any(axis=2)) for radius in (50, 400))
    assert large > 10 * small  # lines are only eight times as long


@pytest.mark.parametrize(
    ("size", "where"),
    [
        pytest.param((1, 1), (0, 0, 1), id="one pixel"),
        pytest.param((240, 320), (0, 0, 60), id="half outside"),
        pytest.param((240, 320), (9000, -9000, 60), id="far outside"),
        pytest.param((60, 20), (10, 30, 5), id="narrower than its label"),
    ],
)
def test_draws_within_any_picture(size: tuple[int, int], where: tuple[float, float, float]) -> None:
    assert draw(np.zeros((*size, 3), np.uint8), [face(*where)], label="12.3 ms").shape == (*size, 3)
