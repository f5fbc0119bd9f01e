import cv2
import numpy as np
import pytest

from sdfl.geometry import (
    crop_affine,
    cut_crop,
    evaluation_affine,
    invert_affine,
    landmark_box,
    square_around,
    transform_points,
)


def gradient_image(height: int, width: int) -> np.ndarray:
    """Blue grows with x, green with y, one step a pixel: sampled values tell where they were taken."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize(
    ("side_px", "angle_deg", "mirror"),
    [
        pytest.param(64.0, 0.0, False, id="one to one"),
        pytest.param(96.0, 30.0, False, id="turned"),
        pytest.param(50.0, -75.0, True, id="turned and mirrored"),
        pytest.param(200.0, 10.0, False, id="averaged down by three"),
    ],
)
def test_crop_pixels_come_from_where_the_affine_says(side_px: float, angle_deg: float, mirror: bool) -> None:
    image = gradient_image(250, 250)
    to_frame = crop_affine(np.array([125.0, 120.0]), side_px, 64, angle_deg=angle_deg, mirror=mirror)
    crop = cut_crop(image, to_frame, 64)
    inner = np.array([[20, 20], [32, 32], [40, 25], [30, 44]], dtype=np.float32)
    frame_px = transform_points(to_frame, inner)
    values = np.array([crop.image[int(y), int(x), :2] for x, y in inner], dtype=np.float32)
    np.testing.assert_allclose(values, frame_px, atol=1.1)  # pixel values are whole numbers


def test_centre_of_the_crop_is_the_centre_asked_for() -> None:
    affine = crop_affine(np.array([10.0, 20.0]), 30.0, 128, angle_deg=17.0)
    np.testing.assert_allclose(transform_points(affine, np.array([[63.5, 63.5]])), [[10.0, 20.0]], atol=1e-4)


def test_a_positive_angle_follows_a_face_tilted_clockwise() -> None:
    eyes_in_frame = np.array([[100.0, 100.0], [150.0, 130.0]], dtype=np.float32)
    angle_deg = float(np.degrees(np.arctan2(30.0, 50.0)))
    affine = crop_affine(eyes_in_frame.mean(axis=0), 100.0, 128, angle_deg=angle_deg)
    eyes = transform_points(invert_affine(affine), eyes_in_frame)
    assert eyes[0, 1] == pytest.approx(eyes[1, 1], abs=1e-3), "the eye line must be level in the crop"
    assert eyes[0, 0] < eyes[1, 0]


def test_inverse_undoes_the_affine() -> None:
    affine = crop_affine(np.array([31.0, 17.0]), 77.0, 128, angle_deg=-40.0, mirror=True)
    points = np.random.default_rng(0).uniform(0, 128, size=(20, 2)).astype(np.float32)
    np.testing.assert_allclose(
        transform_points(invert_affine(affine), transform_points(affine, points)), points, atol=1e-3
    )


def test_evaluation_crop_is_a_square_of_one_and_a_quarter_box() -> None:
    points = np.array([[10.0, 20.0], [110.0, 60.0]], dtype=np.float32)
    centre, side_px = square_around(landmark_box(points), 1.25)
    assert centre.tolist() == [60.0, 40.0]
    assert side_px == 125.0
    affine = evaluation_affine(points, 125, 1.25)
    np.testing.assert_allclose(affine[:, :2], np.eye(2), atol=1e-6)


def test_outside_the_picture_is_the_mean_colour() -> None:
    crop = cut_crop(np.zeros((20, 20, 3), np.uint8), crop_affine(np.array([-50.0, -50.0]), 32.0, 32), 32)
    assert crop.image[0, 0].tolist() == [104, 116, 124]


def test_large_regions_are_averaged_not_skipped() -> None:
    """A fine checkerboard has the same grey everywhere once averaged; skipping pixels would leave black and white."""
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = cut_crop(cv2.merge([board] * 3), crop_affine(np.array([255.5, 255.5]), 400.0, 64), 64)
    assert int(np.ptp(crop.image)) <= 30


def test_tiny_picture_is_no_error() -> None:
    crop = cut_crop(np.full((1, 1, 3), 200, np.uint8), crop_affine(np.array([0.0, 0.0]), 500.0, 64), 64)
    assert crop.image.shape == (64, 64, 3)
