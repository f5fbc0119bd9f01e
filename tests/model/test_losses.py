import math

import pytest
import torch

from sdfl.model.landmarks.graph_head import HeadOutput
from sdfl.model.landmarks.losses import LossConfig, landmark_losses, laplacian, soft_wing

CONFIG = LossConfig()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(0.0, 0.0, id="none"),
        pytest.param(-1.5, 1.5, id="linear for small errors, even"),
        pytest.param(2.0, 2.0, id="continuous at omega_1"),
        pytest.param(10.0, 20 * math.log(21) + 2 - 20 * math.log(5), id="logarithmic beyond"),
    ],
)
def test_soft_wing_by_hand(error: float, expected: float) -> None:
    assert soft_wing(torch.tensor(error), CONFIG).item() == pytest.approx(expected, rel=1e-6)


def test_laplacian_rows() -> None:
    matrix = laplacian(torch.tensor([[0, 1, 2], [1, 0, 2], [2, 1, 0]], dtype=torch.int32))
    torch.testing.assert_close(matrix, torch.tensor([[1.0, -0.5, -0.5], [-0.5, 1.0, -0.5], [-0.5, -0.5, 1.0]]))


def _output(points: torch.Tensor, log_scale: float = -3.0) -> HeadOutput:
    batch, count, _ = points.shape
    return HeadOutput(points, torch.zeros(batch), torch.full((batch, count), log_scale))


NEIGHBOURS = torch.tensor([[0, 1], [1, 0], [2, 1]], dtype=torch.int32)
FACE = torch.tensor([True, True])


def test_a_shifted_face_keeps_its_relative_locations() -> None:
    truth = torch.rand(2, 3, 2)
    terms = landmark_losses(_output(truth + 0.1), truth, FACE, NEIGHBOURS, CONFIG)
    assert terms["relative"].item() == pytest.approx(0.0, abs=1e-3)
    assert terms["soft_wing"].item() == pytest.approx(soft_wing(torch.tensor(25.6), CONFIG).item(), rel=1e-3)


def test_crops_without_a_face_do_not_move_landmarks() -> None:
    truth = torch.rand(2, 3, 2)
    points = truth.clone()
    points[1] += 5.0
    terms = landmark_losses(_output(points), truth, torch.tensor([True, False]), NEIGHBOURS, CONFIG)
    assert terms["soft_wing"].item() == 0
    none = landmark_losses(_output(points), truth, torch.tensor([False, False]), NEIGHBOURS, CONFIG)
    assert all(torch.isfinite(term) for term in none.values())


def test_likelihood_is_best_at_the_true_error_and_leaves_points_alone() -> None:
    truth = torch.zeros(2, 3, 2)
    points = (truth + torch.tensor([0.03, 0.04])).requires_grad_()  # 0.05 away
    losses = {
        scale: landmark_losses(_output(points, math.log(scale)), truth, FACE, NEIGHBOURS, CONFIG)["log_scale"]
        for scale in (0.02, 0.05, 0.12)
    }
    assert min(losses, key=lambda scale: losses[scale].item()) == 0.05
    assert not losses[0.05].requires_grad
