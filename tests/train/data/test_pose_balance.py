import numpy as np
import pytest

from sdfl.train.data.pose_balance import align_shapes, draw, pose_weights, repeated


def turned_heads(yaws: np.ndarray) -> np.ndarray:
    """(M, 20, 2): points on a ball, turned by yaw and seen from the front."""
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(20, 3))
    ball[:, 2] = np.abs(ball[:, 2])
    x = ball[None, :, 0] * np.cos(yaws)[:, None] + ball[None, :, 2] * np.sin(yaws)[:, None]
    return np.stack([x, np.broadcast_to(ball[:, 1], x.shape)], axis=-1)


def test_aligned_shapes_forget_place_size_and_turn() -> None:
    shape = np.random.default_rng(1).normal(size=(10, 2))
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    aligned = align_shapes(np.stack([shape, 3 * shape @ turn + 7.0]))
    np.testing.assert_allclose(aligned[0], aligned[1], atol=1e-6)


def test_rare_poses_are_drawn_more_often_up_to_the_limit() -> None:
    yaws = np.concatenate([np.random.default_rng(2).normal(0, 0.1, 300), [0.9, 0.95, -0.9]])
    weights = pose_weights(turned_heads(yaws), bins=9, max_repeat=4.0)
    assert weights[-3:].tolist() == [4.0, 4.0, 4.0]
    assert weights.min() == 1.0
    assert np.median(weights[:300]) < 2.5


def test_where_rare_poses_are_copied_every_picture_is_shown_and_all_poses_alike() -> None:
    yaws = np.concatenate([np.full(40, -0.5), np.full(10, 0.2), np.full(3, 0.9)])
    weights = repeated(pose_weights(turned_heads(yaws), bins=9, max_repeat=1e6))
    assert weights.tolist() == [1.0] * 40 + [4.0] * 10 + [13.0] * 3
    shown = np.bincount(draw(weights, int(weights.sum()), np.random.default_rng(0)), minlength=53)
    assert shown.tolist() == weights.tolist()


def test_no_bins_means_no_balancing() -> None:
    assert pose_weights(turned_heads(np.linspace(-1, 1, 9)), bins=0, max_repeat=4.0).tolist() == [1.0] * 9


@pytest.mark.parametrize("seed", range(3))
def test_draw_keeps_the_proportions(seed: int) -> None:
    weights = np.array([1.0, 3.0, 0.5, 1.5])
    counts = np.bincount(draw(weights, 600, np.random.default_rng(seed)), minlength=4)
    np.testing.assert_allclose(counts, [100, 300, 50, 150], atol=1)
