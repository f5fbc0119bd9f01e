"""The tracked region: the face stands upright and fills the crop, however it is turned in the frame."""

from __future__ import annotations

import numpy as np
import pytest
from toy_face import scene, template, truth

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.geometry import cut_crop, invert_affine, landmark_box, transform_points
from sdfl.runtime.tracking.region import eye_line_angle_deg, region_of_landmarks
from sdfl.types import Landmarks

ANGLES = [pytest.param(angle, id=f"{angle} degrees") for angle in (0, 17, -40, 90, 179, -135)]


@pytest.mark.parametrize("angle", ANGLES)
def test_a_turned_face_gives_the_upright_crop(spec: ModelSpec, angle: float) -> None:
    upright = Landmarks(truth(160, 120, 40), "ibug68")
    turned = Landmarks(truth(160, 120, 40, angle), "ibug68")
    assert eye_line_angle_deg(turned) == pytest.approx(angle, abs=1e-3)
    crops = [
        cut_crop(scene((160, 120, 40, roll)), region_of_landmarks(landmarks, spec), spec.input_size).image
        for landmarks, roll in ((upright, 0.0), (turned, angle))
    ]
    difference = np.abs(crops[0].astype(int) - crops[1])
    assert np.percentile(difference, 98) < 12  # a line of pixels at the disc's edge is resampled


@pytest.mark.parametrize("angle", ANGLES)
def test_landmarks_fill_the_crop_by_the_scale_of_the_spec(spec: ModelSpec, angle: float) -> None:
    landmarks = Landmarks(truth(160, 120, 40, angle), "ibug68")
    in_crop = transform_points(invert_affine(region_of_landmarks(landmarks, spec)), landmarks.points)
    box = landmark_box(in_crop)
    assert max(box[2:] - box[:2]) == pytest.approx(spec.input_size / spec.crop_scale, abs=0.01)
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, (spec.input_size - 1) / 2, atol=0.01)


def test_crop_points_come_back_to_the_frame(spec: ModelSpec) -> None:
    landmarks = Landmarks(template() * 30 + 100, "ibug68")
    affine = region_of_landmarks(landmarks, spec)
    there = transform_points(invert_affine(affine), landmarks.points)
    np.testing.assert_allclose(transform_points(affine, there), landmarks.points, atol=1e-3)
