"""The paper's training learns: its recipes, and SGD on outputs in fractions of the crop's side."""

from __future__ import annotations

import copy
from pathlib import Path

import faces
import numpy as np
import pytest
import torch

from sdfl.geometry import REFERENCE_CROP_PX
from sdfl.layouts import LAYOUTS
from sdfl.model.landmarks.graph_head import GraphHead
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.losses import landmark_losses
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.train.loop_config import OptimizerConfig
from sdfl.train.optimizer import learn_in_pixels, make_optimizer
from sdfl.train.recipe import find_recipe, load_recipe

SGD = OptimizerConfig(name="sgd", learning_rate=0.01, weight_decay=5e-4, clip_norm=0.0)
PAPER = ("paper_300w", "paper_wflw", "paper_cofw")


def drawn_faces(count: int, num_points: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Crops (B, S, S, 3) with a drawn face somewhere, and as many of its points (B, N, 2), 0..1, as a layout has."""
    rng = np.random.default_rng(0)
    crops, points = [], []
    for _ in range(count):
        centre, scale = size * rng.uniform(0.35, 0.65, size=2), size * rng.uniform(0.25, 0.33)
        outline = faces.template()[np.arange(num_points) % 68] * scale + centre
        crop = np.full((size, size, 3), 90, np.uint8)
        for x, y in faces.template() * scale + centre:
            column, row = int(np.clip(x, 1, size - 2)), int(np.clip(y, 1, size - 2))
            crop[row - 1 : row + 2, column - 1 : column + 2] = (240, 200, 160)
        crops.append(crop)
        points.append((outline + 0.5) / size)
    return torch.from_numpy(np.stack(crops)), torch.from_numpy(np.stack(points).astype(np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("head", ["graph", "fc"])
@pytest.mark.parametrize("name", PAPER)
def test_the_papers_training_lowers_its_loss_in_twenty_steps(name: str, head: str) -> None:
    small = ["model.input_size=64", "model.output_stride=16", "model.width=0.5", f"model.head='{head}'"]
    recipe = load_recipe(find_recipe(Path(name)), small)
    crops, points = drawn_faces(16, LAYOUTS[recipe.model.layout].num_points, 64)
    torch.manual_seed(0)
    network = Network(recipe.model, LandmarkGraph.from_points(points.numpy(), recipe.model.neighbours)).train()
    learn_in_pixels(network, fresh=True)
    optimizer = make_optimizer(recipe.optimizer, network)
    losses = []
    for _ in range(20):
        terms = landmark_losses(network(crops), points, torch.ones(16).bool(), network.head.neighbours, recipe.loss)
        assert terms["presence"].item() == terms["log_scale"].item() == 0, "the paper has no such terms"
        loss = torch.stack(list(terms.values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.99 * np.mean(losses[:3]), losses
    assert max(losses) < 1.1 * losses[0], "it never diverges"


class _InPixels(torch.nn.Module):
    """A head's last layer as the paper's: it gives px, divided by 256 behind it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        with torch.no_grad():
            for parameter in network.head.last.parameters():
                rows = torch.tensor([REFERENCE_CROP_PX, REFERENCE_CROP_PX, 1.0]).repeat(len(parameter) // 3)
                parameter.mul_(rows.view(-1, *[1] * (parameter.ndim - 1)))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        head = self.network.head
        shift: torch.Tensor = (self.network(crops).points - head.mean_shape) / REFERENCE_CROP_PX
        return head.mean_shape + shift


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="graph"),
        pytest.param({"weights": "pair"}, id="graph with a pair of matrices"),
        pytest.param({"head": "fc"}, id="fully connected"),
    ],
)
@pytest.mark.usefixtures("one_thread")
def test_steps_are_those_of_a_network_that_gives_pixels(changes: dict) -> None:
    crops, points = drawn_faces(4, 68, 64)
    torch.manual_seed(1)
    network = Network(
        ModelConfig(input_size=64, width=0.5, blocks=1, **changes), LandmarkGraph.from_points(points.numpy(), 3)
    )
    reference = _InPixels(copy.deepcopy(network))
    learn_in_pixels(network, fresh=False)
    ours, theirs = make_optimizer(SGD, network), make_optimizer(SGD, reference)
    for _ in range(3):
        for found, optimizer in ((network(crops).points, ours), (reference(crops), theirs)):
            optimizer.zero_grad()
            ((found - points) * REFERENCE_CROP_PX).abs().mean().backward()
            optimizer.step()
    network.eval(), reference.eval()
    start = network.head.mean_shape
    assert (network(crops).points - start).abs().max() > 1e-3, "it has moved"
    torch.testing.assert_close(network(crops).points, reference(crops), atol=2e-5, rtol=0)


def test_a_fresh_network_starts_at_the_mean_shape() -> None:
    crops, points = drawn_faces(4, 68, 64)
    for head in ("graph", "fc"):
        torch.manual_seed(0)
        network = Network(
            ModelConfig(input_size=64, width=0.5, blocks=1, head=head), LandmarkGraph.from_points(points.numpy(), 3)
        )
        learn_in_pixels(network, fresh=True)
        off_px = (network(crops).points - network.head.mean_shape).abs().mean() * REFERENCE_CROP_PX
        assert 0 < off_px < 1
        assert isinstance(network.head, GraphHead) == (head == "graph")


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_recipes_have_nothing_that_the_paper_has_not(name: str) -> None:
    recipe = load_recipe(find_recipe(Path(name)))
    assert recipe.optimizer.clip_norm == 0
    assert (recipe.loss.presence, recipe.loss.log_scale) == (0, 0)
    assert (recipe.data.balance, recipe.data.balance_bins, recipe.data.no_face) == ("repeat", 9, 0)
    augment = recipe.augment
    assert (augment.occlusion, augment.occlusion_area_min, augment.occlusion_area) == (0.5, 0.2, 0.2)
    assert (recipe.model.edge_norm, recipe.model.edge_hidden) == (
        True,
        LAYOUTS[recipe.model.layout].num_points * 4 // 2,
    )
