import cv2
import numpy as np
import pytest

from sdfl.errors import ConfigError
from sdfl.geometry import evaluation_affine, invert_affine, transform_points
from sdfl.layouts import LAYOUTS
from sdfl.train.data.augmentation import AugmentConfig, degrade, face_crop, no_face_crop

IBUG = LAYOUTS["ibug68"]
NOTHING = AugmentConfig(rotation_deg=0, translation_px=0, rescale=0, flip=0, occlusion=0)
EVERYTHING = AugmentConfig(colour=1, grey=0.5, blur=1, low_resolution=1, noise=1, jpeg=1, occlusion=1)


def dotted_face(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A picture with a white dot on every point."""
    points = (shape * 70 + 110).astype(np.float32)
    image = np.zeros((220, 220, 3), np.uint8)
    for x, y in points:
        cv2.circle(image, (round(float(x)), round(float(y))), 2, (255, 255, 255), -1, cv2.LINE_AA)
    return image, points


def test_without_augmentation_it_is_the_evaluation_crop(template: np.ndarray) -> None:
    image, points = dotted_face(template)
    _, crop_points = face_crop(image, points, IBUG, 128, NOTHING, np.random.default_rng(0))
    expected = transform_points(invert_affine(evaluation_affine(points, 128, 1.25)), points)
    np.testing.assert_allclose(crop_points * 128 - 0.5, expected, atol=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_points_stay_on_their_pixels(template: np.ndarray, seed: int) -> None:
    """Whatever the warp, each labelled point lies on the dot that was drawn for it."""
    image, points = dotted_face(template)
    config = AugmentConfig(occlusion=0, flip=0.5)
    crop, crop_points = face_crop(image, points, IBUG, 128, config, np.random.default_rng(seed))
    px = np.round(crop_points * 128 - 0.5).astype(int)
    inside = ((px >= 0) & (px < 128)).all(axis=1)
    assert inside.mean() > 0.9
    assert np.median(crop[px[inside, 1], px[inside, 0], 0]) > 100


def test_a_mirrored_face_keeps_its_left_on_the_left(template: np.ndarray) -> None:
    image, points = dotted_face(template)
    config = AugmentConfig(rotation_deg=0, translation_px=0, rescale=0, flip=1, occlusion=0)
    _, crop_points = face_crop(image, points, IBUG, 128, config, np.random.default_rng(0))
    assert crop_points[36, 0] < crop_points[45, 0]
    assert crop_points[0, 0] < crop_points[16, 0]


@pytest.mark.parametrize("seed", range(5))
def test_degrading_keeps_shape_and_type_and_the_seed_decides(seed: int) -> None:
    crop = np.random.default_rng(9).integers(0, 256, size=(96, 96, 3), dtype=np.uint8)
    first, second = (degrade(crop, EVERYTHING, np.random.default_rng(seed)) for _ in range(2))
    assert first.shape == crop.shape
    assert first.dtype == np.uint8
    assert np.array_equal(first, second)
    assert not np.array_equal(first, crop)


def test_occlusion_covers_at_most_its_share() -> None:
    crop = np.full((100, 100, 3), 255, np.uint8)
    for seed in range(20):
        config = AugmentConfig(occlusion=1, occlusion_area=0.2)
        covered = (degrade(crop, config, np.random.default_rng(seed)) != 255).any(axis=-1).mean()
        assert covered <= 0.2


def test_occlusion_of_one_size_and_colour() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    config = AugmentConfig(occlusion=1, occlusion_area=0.2, occlusion_area_min=0.2, occlusion_fill="colour")
    for seed in range(20):
        covered = degrade(crop, config, np.random.default_rng(seed))
        changed = (covered != crop).any(axis=-1)
        assert 0.18 <= changed.mean() <= 0.2
        assert len(np.unique(covered[changed], axis=0)) == 1


def test_another_filling_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment\.occlusion_fill must be varied or colour, got 'grey'"):
        AugmentConfig(occlusion_fill="grey")


@pytest.mark.parametrize("size", [(1, 1), (40, 200), (220, 220)])
def test_crops_without_a_face_exist_for_any_picture(template: np.ndarray, size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 50, np.uint8)
    points = (template * 20 + 30).astype(np.float32)
    for seed in range(20):
        crop = no_face_crop(image, points, 64, NOTHING, np.random.default_rng(seed))
        assert crop.shape == (64, 64, 3)


def test_most_drifted_crops_miss_most_of_the_face(template: np.ndarray) -> None:
    image, points = dotted_face(template)
    image = cv2.copyMakeBorder(image, 200, 200, 200, 200, cv2.BORDER_CONSTANT).astype(np.uint8, copy=False)
    points = points + np.float32(200)
    full = cv2.countNonZero(face_crop(image, points, IBUG, 64, NOTHING, np.random.default_rng(0))[0][..., 0])
    left = [
        cv2.countNonZero(no_face_crop(image, points, 64, NOTHING, np.random.default_rng(seed))[..., 0])
        for seed in range(60)
    ]
    assert np.median(left) < 0.5 * full
