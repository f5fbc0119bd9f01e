"""The grid of several sources: where pictures lie, what is written, and what a lost one looks like."""

from __future__ import annotations

import numpy as np
import pytest
from toy_face import BLUE, GROUND, RED, scene, truth

from sdfl.geometry import landmark_box
from sdfl.runtime.outputs import grid
from sdfl.runtime.outputs.grid import GAP_PX, Tile, draw_grid
from sdfl.types import Box, Face, Image, Landmarks

FACE = (160, 120, 40)


def face() -> Face:
    points = truth(*FACE)
    return Face(7, Box(landmark_box(points)), Landmarks(points, "ibug68"), 1.0, 3)


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (320, 240)) -> Image:
    return np.full((size[1], size[0], 3), colour, np.uint8)


def share(image: Image, colour: tuple[int, int, int]) -> float:
    return float((np.abs(image.astype(int) - colour).max(axis=2) < 12).mean())


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        pytest.param(1, (320, 240), (960, 720), id="one fills the height"),
        pytest.param(2, (320, 240), (1280, 478), id="two beside each other"),
        pytest.param(4, (320, 240), (958, 718), id="two by two"),
        pytest.param(3, (240, 320), (1280, 564), id="upright ones in a row"),
        pytest.param(9, (1920, 1080), (1271, 718), id="three by three"),
    ],
)
def test_cells_are_as_large_as_they_can_be_and_keep_the_aspect(
    count: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = draw_grid([Tile(str(index), plain(RED, size)) for index in range(count)])
    assert image.shape[1] == pytest.approx(expected[0], abs=6)
    assert image.shape[0] == pytest.approx(expected[1], abs=6)
    assert share(image, RED) > 0.9, "no bars beside pictures of one shape"


def test_every_source_has_its_place() -> None:
    image = draw_grid([Tile("a", plain(RED)), Tile("b", plain(BLUE)), Tile("c", plain(GROUND)), Tile("d")], (644, 484))
    middles = [image[y, x].tolist() for y in (120, 364) for x in (160, 484)]
    assert middles == [list(RED), list(BLUE), list(GROUND), list(grid.GROUND)]
    assert image[:, 320 + GAP_PX // 2].tolist() == [list(grid.GROUND)] * image.shape[0], "a gap between two"


def test_landmarks_lie_on_the_face_of_a_scaled_picture() -> None:
    small = draw_grid([Tile("a", scene(FACE, size=(320, 240)), [face()])], (640, 480))
    bare = draw_grid([Tile("a", scene(FACE, size=(320, 240)))], (640, 480))
    changed = np.argwhere((small != bare).any(axis=2))[:, ::-1]
    below = changed[changed[:, 1] > 175]  # the number of the face stands above it
    points = 2 * (truth(*FACE) + 0.5) - 0.5
    np.testing.assert_allclose(below.max(axis=0), points.max(axis=0), atol=6)
    np.testing.assert_allclose(below[:, 0].min(), points[:, 0].min(), atol=6)


def test_a_lost_source_is_grey_and_says_why() -> None:
    lost = draw_grid([Tile("a", plain(RED), [face()], 30.0, "a: stopped sending; check its cable")], (640, 480))
    assert (lost.max(axis=2).astype(int) - lost.min(axis=2))[300:].max() == 0, "neither colour nor landmarks"
    quiet = draw_grid([Tile("a", plain(RED), [face()], 30.0, "x")], (640, 480))
    assert (lost[200:280] > 150).sum() > 4 * (quiet[200:280] > 150).sum(), "the reason is written across the middle"


def test_long_names_and_reasons_stay_in_their_cell() -> None:
    words = "stopped sending and could not be reached again; check the network, then start again"
    tiles = [Tile("rtsp://host/" + "x" * 300, plain(RED), (), 30.0, words), Tile("b", plain(BLUE))]
    image = draw_grid(tiles, (644, 240))
    assert share(image[:, 330:], BLUE) > 0.85
    np.testing.assert_array_equal(
        image[60:, 324:], draw_grid([Tile("a", plain(RED)), tiles[1]], (644, 240))[60:, 324:], "nothing runs over"
    )


def test_pictures_are_left_alone() -> None:
    image = scene(FACE)
    before = image.copy()
    draw_grid([Tile("a", image, [face()], 30.0)], (320, 240))
    np.testing.assert_array_equal(image, before)
