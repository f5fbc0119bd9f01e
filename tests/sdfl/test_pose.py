"""Head pose and openness from points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdfl.datasets import find_samples
from sdfl.layouts import get_layout
from sdfl.pose import RIGID, VIEW_DISTANCE, head_pose, openness
from sdfl.types import Landmarks


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> np.ndarray:
    """The rotation that pose.py's conventions give: roll first, then pitch, then yaw."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    about_y = [[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]]
    about_x = [[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]]
    about_z = [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]]
    return np.array(about_y) @ np.array(about_x) @ np.array(about_z)


def seen(layout: str, rotation: np.ndarray, *, size_px: float = 100.0) -> Landmarks:
    """The generic face as a camera in front of it sees it; other points lie at its middle."""
    placed = RIGID @ rotation.T + [0.0, 0.0, VIEW_DISTANCE]
    rigid = placed[:, :2] / placed[:, 2:] * VIEW_DISTANCE * size_px + [320.0, 240.0]
    points = np.tile(rigid.mean(axis=0), (get_layout(layout).num_points, 1))
    points[list(get_layout(layout).rigid)] = rigid
    return Landmarks(points.astype(np.float32), layout)


@pytest.mark.parametrize("layout", ["ibug68", "wflw98"])
@pytest.mark.parametrize(
    "angles",
    [
        pytest.param((0, 0, 0), id="frontal"),
        pytest.param((35, 0, 0), id="turned to the picture's right"),
        pytest.param((0, 25, 0), id="looking up"),
        pytest.param((0, 0, -40), id="tilted counter-clockwise"),
        pytest.param((-45, -15, 20), id="all at once"),
        pytest.param((0, 0, 170), id="upside down"),
    ],
)
@pytest.mark.parametrize("size_px", [8.0, 400.0])
def test_a_known_pose_is_found(layout: str, angles: tuple[float, float, float], size_px: float) -> None:
    pose = head_pose(seen(layout, turned(*angles), size_px=size_px))
    # The eyes' middle is not that of all points, which the camera is supposed to look at: up to 3 degrees.
    assert (pose.yaw, pose.pitch, pose.roll) == pytest.approx(angles, abs=3.5)


def test_a_nose_to_the_right_is_a_positive_yaw_and_a_nose_up_a_positive_pitch() -> None:
    frontal = seen("ibug68", turned(0, 0, 0))
    tip = list(get_layout("ibug68").rigid[5:8])
    for shift, angle in (((8.0, 0.0), "yaw"), ((0.0, -8.0), "pitch")):
        points = frontal.points.copy()
        points[tip] += np.array(shift, np.float32)
        assert getattr(head_pose(Landmarks(points, "ibug68")), angle) > 5


@pytest.mark.parametrize(
    "points",
    [
        pytest.param(np.zeros((68, 2)), id="all in one place"),
        pytest.param(np.full((68, 2), np.nan), id="not a number"),
    ],
)
def test_what_is_no_face_has_no_pose(points: np.ndarray) -> None:
    assert not head_pose(Landmarks(points.astype(np.float32), "ibug68")).is_known


def test_layouts_without_the_points_have_neither() -> None:
    points = Landmarks(np.random.default_rng(0).uniform(0, 99, (29, 2)).astype(np.float32), "cofw29")
    assert not head_pose(points).is_known
    assert not openness(points).is_known


@pytest.mark.data
def test_mirrored_people_turn_the_other_way(data_dir: Path) -> None:
    layout = get_layout("ibug68")
    for sample in find_samples(data_dir / "300w" / "helen" / "testset")[:40]:
        mirrored = (sample.points * np.array([-1, 1], np.float32))[layout.flip_index()]
        pose, other = (head_pose(Landmarks(points, "ibug68")) for points in (sample.points, mirrored))
        assert other.yaw == pytest.approx(-pose.yaw, abs=0.5)
        assert other.pitch == pytest.approx(pose.pitch, abs=0.5)
        assert abs(pose.yaw) < 70


@pytest.mark.data
def test_shut_eyes_and_open_mouths_are_told_from_others(data_dir: Path) -> None:
    """Lids and lips of real faces, moved onto each other and apart."""
    sample = find_samples(data_dir / "300w" / "helen" / "testset")[0]
    points = sample.points.copy()
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        points[lower] = points[upper]
    points[[65, 66, 67]] += np.array([0, 0.5 * np.linalg.norm(points[60] - points[64])], np.float32)
    before, after = openness(Landmarks(sample.points, "ibug68")), openness(Landmarks(points, "ibug68"))
    assert min(before.left_eye, before.right_eye) > 0.15 > max(after.left_eye, after.right_eye)
    assert after.mouth > before.mouth + 0.3
