"""Camera, turning, visibility and shapes: numpy alone, on made-up geometry."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sdfl.pose import RIGID, head_pose
from sdfl.train.synthetic.head import normals, rotation, triangles, turned
from sdfl.train.synthetic.labels import Camera, visible
from sdfl.train.synthetic.scene import Material, grid, tube

CAMERA = Camera((0.0, 1.0, 0.0), 50.0, 500.0, (200, 100))
GREY = Material((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("point", "pixel"),
    [
        pytest.param((0, 1, 0), (99.5, 49.5, 50), id="the target is in the middle"),
        pytest.param((1, 1, 0), (109.5, 49.5, 50), id="right is right"),
        pytest.param((0, 2, 0), (99.5, 39.5, 50), id="up is up"),
        pytest.param((1, 1, 25), (119.5, 49.5, 25), id="half as far is twice as large"),
    ],
)
def test_projection(point: tuple[float, ...], pixel: tuple[float, ...]) -> None:
    np.testing.assert_allclose(CAMERA.project(np.array(point, float)), pixel)


@pytest.mark.parametrize("pose", [(30, 0, 0), (0, 15, 0), (0, 0, 20), (-40, 10, -5)], ids=str)
def test_angles_are_those_of_the_head_pose_that_the_package_reports(pose: tuple[float, float, float]) -> None:
    head = RIGID * (9, -9, -9)  # picture's axes to those of the mesh, in cm
    distance = 6.5 * 9.0
    seen = Camera((0, 0, 0), distance, 700.0, (640, 480)).project(head @ rotation(*pose).T)[:, :2]
    points = np.zeros((68, 2), np.float32)
    points[[36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35]] = seen
    found = head_pose(SimpleNamespace(points=points, layout="ibug68"))
    assert (found.yaw, found.pitch, found.roll) == pytest.approx(pose, abs=2.0)  # the fit centres on other points


def test_a_turned_head_keeps_its_shape_and_the_shoulders_follow_less() -> None:
    head = np.random.default_rng(0).uniform(-5, 8, (50, 3)).astype(np.float32)
    moved = turned(head, (50, 20, -10))
    before, after = (np.linalg.norm(each[:, None] - each[None], axis=2) for each in (head, moved))
    np.testing.assert_allclose(after, before, atol=1e-4)
    low = np.array([[0.0, -20.0, 10.0]], np.float32)
    sideways = turned(low, (60, 0, 0))[0, 0], turned(low + (0, 30, 0), (60, 0, 0))[0, 0]
    assert 0 < sideways[0] < 0.6 * sideways[1]


def test_a_card_hides_what_is_behind_it_and_nothing_else() -> None:
    card = np.array([[[-1, -1, 5], [3, -1, 5], [1, 4, 5]]], np.float32)
    points = np.array([[0.5, 0, 0], [0.5, 0, 4.8], [0.5, 0, 9], [-3, 0, 0], [90, 0, 0]], np.float32)
    none = np.zeros((0, 3), np.float32)
    flags = visible(points, CAMERA, card, none, contour=np.zeros(5, bool))
    assert flags.tolist() == [False, True, True, True, False]  # behind, within the tolerance, before, beside, outside
    assert visible(points[1:2] - (0, 0, 0.8), CAMERA, card, none, contour=np.ones(1, bool)).all()  # a wider tolerance


def test_a_few_hairs_cover_a_point() -> None:
    hairs = np.tile(np.array([[0, 0, 3]], np.float32), (10, 1))
    points, nothing = np.array([[0, 0, 0], [3, 0, 0]], np.float32), np.zeros((0, 3, 3), np.float32)
    assert visible(points, CAMERA, nothing, hairs, contour=np.zeros(2, bool)).tolist() == [False, True]
    assert visible(points, CAMERA, nothing, hairs[:2], contour=np.zeros(2, bool)).all()


def test_rods_are_closed_and_as_long_as_asked() -> None:
    rod = tube(np.array([[0, 0, 0], [0, 10, 0]]), 1.0, GREY)
    low, high = rod.vertices.min(axis=0), rod.vertices.max(axis=0)
    assert high[1] - low[1] == pytest.approx(12, abs=0.5)  # with its round ends
    assert max(high[0] - low[0], high[2] - low[2]) == pytest.approx(2, abs=0.1)
    outward = normals(rod.vertices, triangles(rod.loops, rod.sizes)) * (rod.vertices - (0, 5, 0))
    assert abs(np.sign(outward[:, [0, 2]].sum(axis=1)).sum()) > 0.9 * len(rod.vertices)  # all one way


@pytest.mark.parametrize(("closed", "faces"), [(False, 6), (True, 8)], ids=["open", "closed"])
def test_grids(closed: bool, faces: int) -> None:
    surface = grid(np.random.default_rng(0).random((3, 4, 3)), GREY, closed=closed)
    assert len(surface.sizes) == faces
    assert surface.uv is not None
    assert surface.uv.min() == 0
    assert surface.uv.max() == 1
    assert surface.corners().shape == (2 * faces, 3, 3)
