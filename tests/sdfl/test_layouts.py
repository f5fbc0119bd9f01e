from pathlib import Path

import numpy as np
import pytest

from sdfl.errors import ConfigError
from sdfl.layouts import LAYOUTS, Layout, get_layout

EACH = pytest.mark.parametrize("layout", [pytest.param(layout, id=name) for name, layout in LAYOUTS.items()])


@EACH
def test_mirroring_twice_changes_nothing(layout: Layout) -> None:
    index = layout.flip_index()
    assert index[index].tolist() == list(range(layout.num_points))


@EACH
def test_mirroring_swaps_the_eye_corners(layout: Layout) -> None:
    left, right = layout.eye_corners
    assert layout.flip_index()[left] == right


@EACH
def test_regions_are_a_partition(layout: Layout) -> None:
    indices = [index for region in layout.regions.values() for index in region]
    assert sorted(indices) == list(range(layout.num_points))


@EACH
def test_each_region_mirrors_onto_itself(layout: Layout) -> None:
    index = layout.flip_index()
    for region in layout.regions.values():
        assert set(index[list(region)]) == set(region)


@EACH
def test_curves_name_points_that_exist(layout: Layout) -> None:
    assert max(max(curve) for curve in layout.curves) < layout.num_points


def test_unknown_layout_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"ibug68, wflw98, cofw29.*'dlib'"):
        get_layout("dlib")


@pytest.mark.data
def test_mirrored_faces_look_like_faces(data_dir: Path) -> None:
    """The mirror table is right if a mean face and its mirror image nearly coincide."""
    from sdfl.datasets import find_samples
    from sdfl.train.data.landmark_dataset import crop_shapes

    mean = crop_shapes(find_samples(data_dir / "300w" / "afw")).mean(axis=0)
    mirrored = (np.array([1.0, 0.0]) + mean * (-1.0, 1.0))[LAYOUTS["ibug68"].flip_index()]
    assert np.abs(mirrored - mean).max() < 0.05
