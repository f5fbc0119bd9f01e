import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from sdfl.errors import CheckpointError, ConfigError
from sdfl.model.checkpoint import save_checkpoint
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.landmarks.transfer import start_from

SHAPE: dict[str, Any] = {
    "input_size": 64,
    "output_stride": 16,
    "backbone_blocks": 9,
    "map_to_node": "separable",
    "map_hidden": 16,
}
CROPS = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def network(**changes: Any) -> Network:
    torch.manual_seed(0)
    return Network(ModelConfig(**{**SHAPE, "blocks": 1, "hidden": 16, **changes})).eval()


@pytest.fixture
def wide_checkpoint(tmp_path: Path) -> tuple[Network, Path]:
    wide = network()
    with torch.no_grad():
        for module in wide.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                assert module.running_mean is not None
                module.running_mean.normal_()
    save_checkpoint(tmp_path / "wide.ckpt", wide)
    return wide, tmp_path / "wide.ckpt"


def test_same_shape_gives_the_same_answer(wide_checkpoint: tuple[Network, Path]) -> None:
    wide, path = wide_checkpoint
    fresh = network(blocks=1)
    start_from(fresh, path)
    torch.testing.assert_close(fresh(CROPS).points, wide(CROPS).points)


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "efficientnet_lite0"])
def test_half_the_size_at_half_the_stride_is_a_start(tmp_path: Path, backbone: str) -> None:
    """EfficientNet-Lite pads before every layer with a stride, which moves the numbers of the layers behind."""
    low = network(backbone=backbone, width=1.0, output_stride=16, input_size=64, backbone_blocks=0)
    high = network(backbone=backbone, width=1.0, output_stride=32, input_size=128, backbone_blocks=0)
    with torch.no_grad():
        for parameter in low.parameters():
            parameter.add_(1.0)
    save_checkpoint(tmp_path / "low.ckpt", low)
    start_from(high, tmp_path / "low.ckpt")
    assert all(torch.equal(a, b) for a, b in zip(low.parameters(), high.parameters(), strict=True))


def test_a_narrower_backbone_keeps_the_channels_that_are_used(tmp_path: Path) -> None:
    """Channels that carry nothing (gain and offset 0) can go without changing the answer."""
    wide, thin = network(), network(width=0.5)
    half = {id(a): b.num_features for a, b in zip(_norms(wide), _norms(thin), strict=True)}
    with torch.no_grad():
        for norm in _norms(wide):
            order = torch.randperm(norm.num_features, generator=torch.Generator().manual_seed(norm.num_features))
            norm.weight.uniform_(0.5, 1.5)
            norm.weight[order[half[id(norm)] :]] = 0.0
            norm.bias[order[half[id(norm)] :]] = 0.0
    save_checkpoint(tmp_path / "wide.ckpt", wide)
    start_from(thin, tmp_path / "wide.ckpt")
    assert thin.backbone.out_channels < wide.backbone.out_channels
    torch.testing.assert_close(thin(CROPS).points, wide(CROPS).points, atol=1e-5, rtol=1e-4)  # sums in another order


def _norms(net: Network) -> list[nn.BatchNorm2d]:
    return [module for module in net.backbone.modules() if isinstance(module, nn.BatchNorm2d)]


def test_of_another_layout_only_the_backbone_is_taken(wide_checkpoint: tuple[Network, Path]) -> None:
    wide, path = wide_checkpoint
    fresh = network(layout="wflw98")
    head = copy.deepcopy(fresh.head.state_dict())
    start_from(fresh, path)
    for key, value in wide.backbone.state_dict().items():
        torch.testing.assert_close(fresh.backbone.state_dict()[key], value, atol=0, rtol=0)
    assert all(torch.equal(head[key], value) for key, value in fresh.head.state_dict().items())
    assert fresh(CROPS).points.shape == (2, 98, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"layout": "wflw98", "width": 1.4}, "does not fit the model", id="another layout and backbone"),
        pytest.param({"hidden": 32}, "head", id="another head"),
        pytest.param({"width": 1.4}, "backbone", id="a wider backbone cannot be filled"),
    ],
)
def test_what_does_not_fit_is_refused(
    changes: dict[str, object], message: str, wide_checkpoint: tuple[Network, Path]
) -> None:
    fresh = network(**changes)
    before = copy.deepcopy(fresh.state_dict())
    with pytest.raises(CheckpointError, match=message):
        start_from(fresh, wide_checkpoint[1])
    assert all(torch.equal(before[key], value) for key, value in fresh.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"backbone_blocks": 18}, r"must lie in 1\.\.17, got 18", id="more blocks than there are"),
        pytest.param({"backbone_blocks": 3}, "3 blocks reach a stride of 4", id="too few for the stride"),
        pytest.param({"map_to_node": "thin"}, "map_to_node must be full or separable", id="unknown map-to-node"),
    ],
)
def test_shapes_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)
