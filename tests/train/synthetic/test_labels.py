"""Labels of the real head model: known vertices, symmetry, the visible outline, what covers what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from sdfl.layouts import get_layout
from sdfl.train.synthetic.head import rotation, turned
from sdfl.train.synthetic.labels import Camera
from sdfl.train.synthetic.shot import compose

if TYPE_CHECKING:
    from sdfl.train.synthetic.build import Studio

pytestmark = pytest.mark.data
CAMERA = Camera((0.0, 0.0, 0.0), 150.0, 1500.0, (256, 256))


@pytest.mark.parametrize("layout", ["ibug68", "wflw98"])
def test_the_neutral_face_is_its_own_mirror_image(layout: str, studio: Studio) -> None:
    points = studio.labeller.points(studio.model.neutral, (0, 0, 0), CAMERA)[layout == "wflw98"]
    mirrored = points[get_layout(layout).flip_index()] * (-1, 1, 1)
    np.testing.assert_allclose(mirrored, points, atol=0.01)


def test_the_corners_of_eyes_and_mouth_are_the_vertices_that_the_model_names(studio: Studio) -> None:
    vertices = turned(studio.model.neutral, (25, -10, 5))
    points68, points98 = studio.labeller.points(vertices, (25, -10, 5), CAMERA)
    named = vertices[studio.model.landmarks]
    corners = [27, 28, 29, 31, 32, 33, 34, 35, 36, 39, 42, 45, 48, 54, 60, 64]
    np.testing.assert_allclose(points68[corners], named[corners], atol=1e-4)
    np.testing.assert_allclose(points98[[60, 64, 68, 72]], named[[36, 39, 42, 45]], atol=1e-4)
    np.testing.assert_allclose(points98[76:96], points68[48:68], atol=1e-4)


def test_lips_and_lids_keep_their_lines_and_the_lips_points_move_to_the_middle(studio: Studio) -> None:
    """The inner lip's points lie half a centimetre nearer to the middle than the model's, at the same height."""
    points68, _ = studio.labeller.points(studio.model.neutral, (0, 0, 0), CAMERA)
    moved = points68 - studio.model.neutral[studio.model.landmarks]
    np.testing.assert_allclose(moved[[61, 67], 0], 0.5, atol=0.12)
    np.testing.assert_allclose(moved[[63, 65], 0], -0.5, atol=0.12)
    np.testing.assert_allclose(moved[[61, 63, 65, 67, 62, 66], 1], 0, atol=0.12)
    assert (np.abs(moved[36:48]).max(axis=1) < 0.35).all()  # along the lids, which are 3 cm long
    assert (moved[50:53, 1] < -0.1).all()  # the upper lip's edge lies lower
    assert np.abs(moved[[57, 62, 66]]).max() < 0.1


def test_brow_points_lie_between_the_middle_and_the_upper_edge_of_the_brow(studio: Studio) -> None:
    vertices = turned(studio.model.neutral, (25, -10, 5))
    points68, points98 = studio.labeller.points(vertices, (25, -10, 5), CAMERA)
    up = rotation(25, -10, 5)[:, 1]
    for of68, upper, lower in ((18, 34, 41), (19, 35, 40), (25, 45, 47), (24, 44, 48)):
        middle = (points98[upper] + points98[lower]) / 2
        assert 0.05 < (points68[of68] - middle) @ up < (points98[upper] - middle) @ up < 0.5  # cm
    heights = (points68[17:27] - vertices[studio.model.landmarks[17:27]]) @ up
    assert (heights < 0).all()  # yet lower than the vertices that the model names


@pytest.mark.parametrize("yaw", [0, 30, -45, 60, -75])
def test_the_contour_lies_on_the_visible_outline(yaw: float, studio: Studio) -> None:
    """Points of the far cheek lie on the edge of the head's silhouette."""
    vertices = turned(studio.model.neutral, (yaw, 0, 0))
    outline = np.zeros((256, 256), np.uint8)
    for triangle in CAMERA.project(vertices[studio.model.skin])[..., :2]:
        cv2.fillConvexPoly(outline, np.round(triangle).astype(np.int32), 1)
    inside = cv2.distanceTransform(outline, cv2.DIST_L2, 5)
    contour = CAMERA.project(studio.labeller.points(vertices, (yaw, 0, 0), CAMERA)[1][:33])[:, :2]
    depth = np.array([inside[round(float(y)), round(float(x))] for x, y in contour])
    assert (depth >= 0).all()
    if 0 < abs(yaw) < 50:  # farther, the nose is the edge
        far = contour[20:30] if yaw > 0 else contour[3:13]
        on_edge = [inside[round(float(y)), round(float(x))] < 4 for x, y in far]  # px of 10 to a cm
        assert np.mean(on_edge) >= 0.8


def test_jaw_points_lie_closer_to_the_chin_than_evenly_and_more_so_on_the_near_side(studio: Studio) -> None:
    def steps(yaw: float) -> np.ndarray:
        vertices = turned(studio.model.neutral, (yaw, 0, 0))
        points = CAMERA.project(studio.labeller.points(vertices, (yaw, 0, 0), CAMERA)[0][:17])[:, :2]
        return np.asarray(np.linalg.norm(np.diff(points, axis=0), axis=1))

    ahead, aside = steps(0), steps(25)  # turned to the picture's right: the left side is near
    np.testing.assert_allclose(ahead, ahead[::-1], atol=0.1)
    assert 0.8 < ahead[7] / ahead[2] < 0.9  # px beside the chin and at the cheek
    assert aside[7] / aside[2] < ahead[7] / ahead[2]


@pytest.mark.parametrize(
    ("number_of", "accessory"), [((54, 57), "mask"), ((36, 45), "sunglasses")], ids=["mouth", "eyes"]
)
def test_what_is_worn_covers(number_of: tuple[int, int], accessory: str, studio: Studio) -> None:
    for number in range(200):
        face = compose_like(studio, number, accessory)
        if face is not None and abs(face["pose"]["yaw_deg"]) < 25:
            assert [face["visible_68"][point] for point in number_of] == [0, 0]
            return
    pytest.fail(f"no such face with {accessory}")


def compose_like(studio: Studio, number: int, accessory: str) -> dict | None:
    """The record of a face, None for one with another accessory; drawing it alone is quick."""
    from sdfl.train.synthetic.person import draw_accessory, draw_expression, draw_person, draw_pose

    rng = np.random.default_rng([11, number])
    draw_person(rng), draw_expression(rng), draw_pose(rng)
    return compose(studio, 11, number, (128, 128)).record if draw_accessory(rng) == accessory else None


def test_a_face_depends_on_seed_and_number_alone(studio: Studio) -> None:
    first = compose(studio, 3, 5, (128, 128))
    other = compose(studio, 3, 6, (128, 128)).record
    again = compose(studio, 3, 5, (128, 128))
    assert first.record == again.record
    for one, two in zip(first.scene.surfaces, again.scene.surfaces, strict=True):
        np.testing.assert_array_equal(one.vertices, two.vertices)
    for grown, grown_again in zip(first.scene.strands, again.scene.strands, strict=True):
        np.testing.assert_array_equal(grown.points, grown_again.points)
    assert other["points_68"] != first.record["points_68"]
    assert compose(studio, 4, 5, (128, 128)).record["points_68"] != first.record["points_68"]
    assert json.loads(json.dumps(first.record)) == first.record


def test_children_have_larger_eyes_and_a_shorter_lower_face(studio: Studio) -> None:
    identity = np.zeros(100, np.float32)
    grown, child = (studio.model.shaped(identity, {}, child=each)[studio.model.landmarks] for each in (0.0, 1.0))

    def width(points: np.ndarray, a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    assert width(child, 36, 39) > 1.08 * width(grown, 36, 39)
    assert width(child, 33, 8) < 0.9 * width(grown, 33, 8)
