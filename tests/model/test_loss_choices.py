import math

import pytest
import torch

from sdfl.errors import ConfigError
from sdfl.model.landmarks.graph_head import HeadOutput
from sdfl.model.landmarks.losses import ABSOLUTE, LossConfig, landmark_losses, wing

NEIGHBOURS = torch.tensor([[0, 1], [1, 0], [2, 1]], dtype=torch.int32)


@pytest.mark.parametrize("size", [0.0, 0.3, 5.0, 19.99, 20.0, 55.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_wing_by_the_papers_equation(size: float, sign: int) -> None:
    constant = 20 - 20 * math.log(1 + 20 / 0.5)
    expected = 20 * math.log(1 + size / 0.5) if size < 20 else size - constant
    assert float(wing(torch.tensor(sign * size), LossConfig())) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ABSOLUTE)
def test_losses_are_continuous_even_and_zero_at_zero(name: str) -> None:
    errors = torch.linspace(0, 60, 60_001, dtype=torch.float64)
    values = ABSOLUTE[name](errors, LossConfig())
    assert values[0] == 0
    assert values.diff().abs().max() < 0.05
    assert torch.equal(values, ABSOLUTE[name](-errors, LossConfig()))


@pytest.mark.parametrize("name", ABSOLUTE)
def test_the_choice_is_that_of_the_points(name: str) -> None:
    truth = torch.rand(2, 3, 2, generator=torch.Generator().manual_seed(0))
    moved = truth + torch.tensor([4 / 256, -8 / 256])
    output = HeadOutput(moved, torch.zeros(2), torch.zeros(2, 3))
    config = LossConfig(absolute=name)
    terms = landmark_losses(output, truth, torch.ones(2, dtype=torch.bool), NEIGHBOURS, config)
    expected = ABSOLUTE[name](torch.tensor([4.0, 8.0]), config).mean()
    torch.testing.assert_close(terms[name], expected, rtol=1e-4, atol=1e-5)
    assert float(terms["relative"]) == pytest.approx(0, abs=1e-3), "a common shift keeps all relative locations"


@pytest.mark.parametrize("name", ABSOLUTE)
def test_relative_locations_have_soft_wing_whatever_the_points_have(name: str) -> None:
    """Eq. 10; the middle point alone is off by 12 px, so that its own location and that of its two neighbours are."""
    truth = torch.zeros(1, 3, 2)
    moved = truth.clone()
    moved[0, 1] = 12 / 256
    neighbours = torch.tensor([[0, 1], [1, 0], [2, 1]], dtype=torch.int32)
    output = HeadOutput(moved, torch.zeros(1), torch.zeros(1, 3))
    terms = landmark_losses(output, truth, torch.ones(1).bool(), neighbours, LossConfig(absolute=name))
    by_hand = 20 * math.log(1 + 12 / 0.5) + 2 - 20 * math.log(1 + 2 / 0.5)
    assert float(terms["relative"]) == pytest.approx(by_hand, rel=1e-5)


def test_relative_zero_turns_the_term_off() -> None:
    output = HeadOutput(torch.rand(1, 3, 2), torch.zeros(1), torch.zeros(1, 3))
    face = torch.ones(1, dtype=torch.bool)
    assert landmark_losses(output, torch.zeros(1, 3, 2), face, NEIGHBOURS, LossConfig(relative=0.0))["relative"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"absolute": "l2"}, r"loss\.absolute must be one of soft_wing, wing, l1, got 'l2'"),
        ({"epsilon": 0.0}, r"loss\.epsilon must be positive, got 0\.0"),
        ({"relative": -1.0}, r"loss\.relative must not be negative, got -1\.0"),
    ],
)
def test_wrong_values_name_the_key(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LossConfig(**changes)
