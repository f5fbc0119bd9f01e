"""`draw` takes the pictures that `detect` takes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from sdfl import draw
from sdfl.errors import ConfigError, SourceError
from sdfl.types import Box, Face, Frame, Landmarks

FACE = Face(
    1,
    Box(np.array([10, 10, 50, 50], np.float32)),
    Landmarks(np.random.default_rng(0).uniform(10, 50, (68, 2)).astype(np.float32), "ibug68"),
    1.0,
    0,
)


def test_grey_pictures_and_paths_are_drawn_in_colour(tmp_path: Path) -> None:
    grey = np.full((60, 80), 90, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), grey)
    for picture in (grey, tmp_path / "a.png", np.repeat(grey[..., None], 3, axis=2)):
        drawn = draw(picture, [FACE])
        assert drawn.shape == (60, 80, 3)
        assert (drawn != 90).any()
    assert (grey == 90).all(), "the picture itself stays as it is"


def test_what_cannot_be_drawn_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"write draw\(image, \[face\]\)"):
        draw(np.zeros((60, 80, 3), np.uint8), FACE)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="image is None"):
        draw(None, [FACE])


def test_a_frame_of_floats_is_refused() -> None:
    with pytest.raises(ValueError, match="Frame.image must be uint8, got float64"):
        Frame(np.zeros((4, 4, 3)), 0, 0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Box.xyxy must be a numpy array, got list"):
        Box([1, 2, 3, 4])  # type: ignore[arg-type]
