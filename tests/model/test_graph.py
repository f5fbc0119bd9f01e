from pathlib import Path

import numpy as np
import pytest

from sdfl.errors import ConfigError
from sdfl.model.landmarks.landmark_graph import LandmarkGraph, correlation, nearest_neighbours


def test_correlation_agrees_with_pearson_by_hand() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3, 2))
    points[:, 1] = -2 * points[:, 0] + 1  # perfectly anti-correlated: as close as correlated
    matrix = correlation(points)
    assert matrix[0, 1] == pytest.approx(1.0)
    x, y = ((points[:, 0, a] - points[:, 0, a].mean(), points[:, 2, a] - points[:, 2, a].mean()) for a in (0, 1))
    by_hand = sum(abs((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())) for a, b in (x, y)) / 2
    assert matrix[0, 2] == pytest.approx(by_hand)
    np.testing.assert_allclose(matrix, matrix.T)


def test_a_coordinate_that_never_moves_is_no_error() -> None:
    points = np.random.default_rng(0).normal(size=(10, 4, 2))
    points[:, 2] = 0.5
    assert np.isfinite(correlation(points)).all()
    assert nearest_neighbours(correlation(points), 2)[2, 0] == 2


def test_neighbours_are_the_most_correlated_with_the_node_first() -> None:
    matrix = np.array([[1.0, 0.2, 0.9, 0.5], [0.2, 1.0, 0.1, 0.3], [0.9, 0.1, 1.0, 0.4], [0.5, 0.3, 0.4, 1.0]])
    assert nearest_neighbours(matrix, 2).tolist() == [[0, 2, 3], [1, 3, 0], [2, 0, 3], [3, 0, 2]]


@pytest.mark.parametrize("k", [0, 4, -1])
def test_k_outside_the_graph_is_refused(k: int) -> None:
    with pytest.raises(ConfigError, match=r"model\.neighbours must lie in 1\.\.3"):
        nearest_neighbours(np.eye(4), k)


@pytest.mark.data
def test_real_neighbours_lie_close_on_the_face(data_dir: Path) -> None:
    """Fig. 4 of the paper: neighbours by correlation are mostly neighbours along the face's curves."""
    from sdfl.datasets import find_samples
    from sdfl.train.data.landmark_dataset import crop_shapes

    graph = LandmarkGraph.from_points(crop_shapes(find_samples(data_dir / "300w" / "afw")), 3)
    mean, neighbours = graph.mean_shape.numpy(), graph.neighbours.numpy()
    near = np.linalg.norm(mean[neighbours[:, 1:]] - mean[:, None], axis=-1)
    everywhere = np.linalg.norm(mean[None] - mean[:, None], axis=-1)
    assert np.median(near) < 0.3 * np.median(everywhere)
