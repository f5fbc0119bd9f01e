from pathlib import Path

import numpy as np
import pytest
import torch

from sdfl.errors import CheckpointError, ClosedError, ConfigError
from sdfl.geometry import STD_BGR
from sdfl.model.backbones import create_backbone, load_imagenet
from sdfl.model.backbones.inverted_residual import InvertedResidualNet
from sdfl.model.checkpoint import load_weights, read_checkpoint, save_checkpoint
from sdfl.model.fold import fold
from sdfl.model.landmarks.graph_head import GraphHead
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network


def randomise(network: Network) -> Network:
    """Weights and running statistics as after some training, so that folding has something to fold."""
    g = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            for tensor, low in ((module.running_var, 0.5), (module.weight.data, 0.5), (module.running_mean, -0.2)):
                tensor.copy_(torch.rand(tensor.shape, generator=g) * 0.5 + low)
            module.bias.data.copy_(torch.randn(module.bias.shape, generator=g) * 0.1)
    return network.eval()


def graph(k: int = 3) -> LandmarkGraph:
    points = torch.rand(30, 68, 2, generator=torch.Generator().manual_seed(1)).numpy()
    return LandmarkGraph.from_points(points, k)


CONFIGS = [
    pytest.param(ModelConfig(input_size=64, output_stride=16), id="mobilenet, one matrix"),
    pytest.param(ModelConfig(input_size=64, output_stride=32, width=0.5, weights="pair"), id="half width, pair"),
    pytest.param(ModelConfig(input_size=64, backbone="efficientnet_lite0", blocks=1), id="efficientnet-lite0"),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_folding_changes_the_unit_and_nothing_else(config: ModelConfig) -> None:
    network = randomise(Network(config, graph()))
    image = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        before, after = network(image), fold(network)(image)
    assert before.points.shape == (2, 68, 2)
    # fp32 through some sixty layers; the border of the picture is included because the mean stays a subtraction
    torch.testing.assert_close(after.points, before.points * 64 - 0.5, atol=2e-3, rtol=0)
    torch.testing.assert_close(after.presence_logit, before.presence_logit, atol=1e-3, rtol=0)
    torch.testing.assert_close(after.log_scale, before.log_scale + torch.tensor(64.0).log(), atol=1e-3, rtol=0)


def test_an_untrained_network_starts_near_the_mean_shape() -> None:
    network = Network(ModelConfig(input_size=64), graph()).eval()
    with torch.no_grad():
        points = network(torch.zeros(1, 64, 64, 3, dtype=torch.uint8)).points
    assert (points - network.head.mean_shape).abs().max() < 0.3


def test_the_pair_reads_itself_and_its_neighbours_from_different_rows() -> None:
    head = Network(ModelConfig(input_size=64, weights="pair"), graph()).head
    assert isinstance(head, GraphHead)
    rows, nodes = head.table(), head.neighbours
    assert torch.equal(rows[:, 0], 2 * nodes[:, 0])
    assert torch.equal(rows[:, 1:], 2 * nodes[:, 1:] + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"backbone": "vgg"}, r"model\.backbone must be one of mobilenet_v2", id="backbone"),
        pytest.param({"input_size": 100}, r"model\.input_size must be a positive multiple of 32, got 100", id="size"),
        pytest.param({"output_stride": 8}, r"model\.output_stride must be 16 or 32", id="stride"),
        pytest.param({"weights": "triple"}, r"model\.weights must be single or pair", id="weights"),
        pytest.param({"backbone": "efficientnet_lite0", "width": 0.5}, r"model\.width must be 1\.0", id="lite width"),
        pytest.param({"layout": "dlib"}, r"layout must be one of", id="layout"),
    ],
)
def test_wrong_shapes_name_the_key(change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Network(ModelConfig(**change))


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    network = Network(ModelConfig(input_size=64), graph())
    save_checkpoint(tmp_path / "a.ckpt", network, epoch=3)
    checkpoint = read_checkpoint(tmp_path / "a.ckpt")
    loaded = checkpoint.landmark_network()
    assert checkpoint.epoch == 3
    assert loaded.config == network.config
    assert torch.equal(loaded.head.neighbours, network.head.neighbours)


def test_a_closed_back_end_says_so(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.ckpt", Network(ModelConfig(input_size=64), graph()))
    backend = read_checkpoint(tmp_path / "a.ckpt").backend()
    crops = np.zeros((1, 64, 64, 3), np.uint8)
    assert backend.infer(crops).points.shape == (1, 68, 2)
    backend.close()
    backend.close()
    with pytest.raises(ClosedError, match="this TorchBackend was closed; open the model again"):
        backend.infer(crops)


def test_cut_off_and_foreign_checkpoints_are_named(tmp_path: Path) -> None:
    network = Network(ModelConfig(input_size=64), graph())
    save_checkpoint(tmp_path / "a.ckpt", network)
    whole = (tmp_path / "a.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    torch.save({"weights": {}}, tmp_path / "foreign.ckpt")
    for name, message in (("cut", "is not a complete"), ("foreign", "is not an SDFL"), ("no", "cannot be")):
        with pytest.raises(CheckpointError, match=rf"{name}\.ckpt: {message}"):
            read_checkpoint(tmp_path / f"{name}.ckpt")


def test_weights_of_another_shape_name_the_layer(tmp_path: Path) -> None:
    small, large = Network(ModelConfig(input_size=64, hidden=64), graph()), Network(ModelConfig(input_size=64), graph())
    with pytest.raises(CheckpointError, match=r"x\.ckpt: does not fit the model in the recipe: head\."):
        load_weights(large, small.state_dict(), tmp_path / "x.ckpt")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "file"),
    [("mobilenet_v2", "mobilenet_v2-b0353104.pth"), ("efficientnet_lite0", "efficientnet-lite0-57934424.pth")],
)
def test_imagenet_weights_fit_every_layer(data_dir: Path, name: str, file: str) -> None:
    backbone = create_backbone(name, width=1.0, output_stride=16)
    fresh = {key: value.clone() for key, value in backbone.state_dict().items()}
    load_imagenet(backbone, data_dir / "imagenet" / file)
    changed = [key for key, value in backbone.state_dict().items() if not torch.equal(value, fresh[key])]
    assert len(changed) == len([key for key in fresh if not key.endswith("num_batches_tracked")])
    published = next(iter(torch.load(data_dir / "imagenet" / file, weights_only=True).values()))
    bgr = published.flip(1)
    assert isinstance(backbone, InvertedResidualNet)
    if backbone.style.pixel_std:  # trained on (x - 127) / 128, run on ImageNet's mean and deviation
        bgr = bgr * (torch.tensor(STD_BGR) / backbone.style.pixel_std).view(1, 3, 1, 1)
    torch.testing.assert_close(next(iter(backbone.state_dict().values())), bgr, msg="the network reads BGR")
    assert backbone(torch.zeros(1, 3, 64, 64)).shape == (1, 320, 4, 4)


@pytest.mark.data
def test_imagenet_weights_of_another_width_are_refused(data_dir: Path) -> None:
    with pytest.raises(CheckpointError, match="need width 1.0"):
        load_imagenet(
            create_backbone("mobilenet_v2", width=0.5, output_stride=32),
            data_dir / "imagenet" / "mobilenet_v2-b0353104.pth",
        )
