import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

from sdfl.errors import ConfigError, MissingDependency
from sdfl.model.backbones import BACKBONES, create_backbone, load_imagenet
from sdfl.model.backbones.inverted_residual import InvertedResidualNet
from sdfl.model.complexity import count
from sdfl.model.landmarks.network import ModelConfig, Network

CLASSES, LAST = 1000, 1280  # what follows in a published classifier: 1x1 convolution with BN, then fully connected


@pytest.mark.parametrize(
    ("name", "published"),
    [
        pytest.param("mobilenet_v2", 3_504_872, id="torchvision's MobileNetV2"),
        pytest.param("efficientnet_b0", 5_288_548, id="torchvision's EfficientNet-B0"),
        pytest.param("efficientnet_b1", 7_794_184, id="torchvision's EfficientNet-B1"),
        pytest.param("efficientnet_lite0", 4_652_008, id="Lite0, 4.7 M"),
        pytest.param("efficientnet_lite1", 5_416_680, id="Lite1, 5.4 M"),
        pytest.param("efficientnet_lite2", 6_092_072, id="Lite2, 6.1 M"),
    ],
)
def test_parameters_are_the_published_ones(name: str, published: int) -> None:
    backbone = create_backbone(name, width=1.0, output_stride=32)
    classifier = backbone.out_channels * LAST + 2 * LAST + (LAST + 1) * CLASSES
    assert count(backbone, torch.zeros(1, 3, 32, 32)).parameters + classifier == published


@pytest.mark.parametrize(
    ("name", "size", "published_millions"),
    [("mobilenet_v2", 224, 300.8), ("efficientnet_b0", 224, 385.8), ("efficientnet_b1", 240, 686.8)],
)
def test_multiply_adds_are_the_published_ones(name: str, size: int, published_millions: float) -> None:
    backbone = create_backbone(name, width=1.0, output_stride=32)
    side = -(-size // 32)
    classifier = side**2 * backbone.out_channels * LAST + LAST * CLASSES
    own = count(backbone, torch.zeros(1, 3, size, size)).multiply_adds + classifier
    assert own / 1e6 == pytest.approx(published_millions, rel=1e-3)


@pytest.mark.parametrize("stride", [16, 32])
@pytest.mark.parametrize("name", BACKBONES)
def test_maps_have_the_wanted_stride(name: str, stride: int) -> None:
    backbone = create_backbone(name, width=1.0, output_stride=stride)
    assert backbone(torch.zeros(1, 3, 64, 96)).shape == (1, backbone.out_channels, 64 // stride, 96 // stride)


@pytest.mark.parametrize("kernel", [3, 5])
def test_lite_pads_as_tensorflow_does(kernel: int) -> None:
    """SAME on an even side pads kernel - 2 in all, the smaller half first: the first window begins at -(k // 2 - 1)."""
    backbone = create_backbone("efficientnet_lite0", width=1.0, output_stride=32)
    strided = [layers for layers in backbone.modules() if isinstance(layers, nn.Sequential) and len(layers) == 4]
    pads = {}
    for pad, conv, *_ in strided:
        if isinstance(pad, nn.ZeroPad2d):
            assert isinstance(conv, nn.Conv2d)
            pads[conv.kernel_size[0]] = pad.padding
    before, after = kernel // 2 - 1, kernel // 2
    assert pads[kernel] == (before, after, before, after)


@pytest.mark.data
def test_imagenet_lite0_computes_what_it_was_trained_to(data_dir: Path) -> None:
    """The published network on (x - 127) / 128 in RGB, and the loaded one on the project's input, away from the zero
    border, which stands for another grey."""
    path = data_dir / "imagenet" / "efficientnet-lite0-57934424.pth"
    backbone = create_backbone("efficientnet_lite0", width=1.0, output_stride=32)
    load_imagenet(backbone, path)
    assert isinstance(backbone, InvertedResidualNet)
    published = torch.load(path, weights_only=True)
    rgb = torch.randint(0, 256, (1, 3, 64, 64), generator=torch.Generator().manual_seed(0)).float()
    norm = {key: published[f"_bn0.{key}"] for key in ("running_mean", "running_var", "weight", "bias")}
    padded = nn.functional.pad((rgb - 127) / 128, (0, 1, 0, 1))
    expected = nn.functional.conv2d(padded, published["_conv_stem.weight"], stride=2)
    expected = nn.functional.relu6(nn.functional.batch_norm(expected, **norm, eps=1e-3))
    network = Network(ModelConfig(backbone="efficientnet_lite0", input_size=64, head="fc"))
    assert network.input_std is not None
    own_input = (rgb.flip(1) - network.mean.view(3, 1, 1)) / network.input_std
    with torch.no_grad():
        own = backbone.eval().stem(own_input)
    torch.testing.assert_close(own[..., :-1, :-1], expected[..., :-1, :-1], atol=1e-4, rtol=1e-4)


class FakeMaps(nn.Module):
    """Stands for a timm model with `features_only`: maps of strides 2 to 32."""

    def __init__(self, out_indices: tuple[int, ...] = (0, 1, 2, 3, 4)) -> None:
        super().__init__()
        self.out_indices = out_indices
        layers = range(max(out_indices) + 1)  # as timm does: what lies behind the last map is not there
        self.convs = nn.ModuleList(nn.Conv2d(3 if i == 0 else 8 * i, 8 * (i + 1), 3, 2, 1) for i in layers)
        self.feature_info = types.SimpleNamespace(
            reduction=lambda: [2, 4, 8, 16, 32], channels=lambda: [8, 16, 24, 32, 40]
        )

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        maps = []
        for conv in self.convs:
            x = conv(x)
            maps.append(x)
        return [maps[index] for index in self.out_indices]


@pytest.fixture
def fake_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["resnet18", "hrnet_w18", "vit_tiny"]

    def create_model(
        name: str, *, features_only: bool, pretrained: bool, feature_location: str = "incre", **options: tuple[int, ...]
    ) -> FakeMaps:
        assert feature_location == ("" if name.startswith("hrnet") else "incre"), "HRNet's raw resolutions"
        assert features_only
        assert not pretrained
        if name == "vit_tiny":
            raise RuntimeError("features_only is not supported")
        return FakeMaps(**options)

    timm = types.SimpleNamespace(
        list_models=lambda pattern="*": [n for n in names if pattern.strip("*") in n], create_model=create_model
    )
    monkeypatch.setitem(sys.modules, "timm", timm)


@pytest.mark.parametrize(
    ("name", "stride", "channels"),
    [
        pytest.param("timm/resnet18", 32, 40, id="the last map"),
        pytest.param("timm/resnet18", 16, 32, id="the map of stride 16"),
        pytest.param("timm/hrnet_w18", 32, 16 + 24 + 32 + 40, id="HRNet's four resolutions, averaged and stacked"),
    ],
)
@pytest.mark.usefixtures("fake_timm")
def test_timm_models_are_backbones(name: str, stride: int, channels: int) -> None:
    network = Network(ModelConfig(backbone=name, input_size=64, output_stride=stride, blocks=1)).eval()
    assert network.backbone.out_channels == channels
    with torch.no_grad():
        assert network(torch.zeros(1, 64, 64, 3, dtype=torch.uint8)).points.shape == (1, 68, 2)
    reached = [2, 4, 8, 16, 32][len(network.backbone.maps.convs) - 1]  # type: ignore[union-attr, arg-type]
    assert reached == stride, "no layer is behind the map that is used"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("timm/resnet19", r"timm has no model 'resnet19'; close: resnet18", id="unknown"),
        pytest.param("timm/vit_tiny", r"timm's vit_tiny gives no feature maps", id="no maps"),
    ],
)
@pytest.mark.usefixtures("fake_timm")
def test_wrong_timm_names_are_one_line(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_backbone(name, width=1.0, output_stride=32)


def test_without_timm_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingDependency, match=r"timm is not installed; .*pip install '.*\[backbones\]'"):
        create_backbone("timm/resnet18", width=1.0, output_stride=32)


@pytest.mark.parametrize(
    ("name", "stride"),
    [("vgg16_bn", 32), ("resnet18", 32), ("resnet34", 32), ("res2net50_26w_4s", 32), ("hrnet_w18", 32)],
)
@pytest.mark.slow
def test_the_papers_timm_backbones(name: str, stride: int) -> None:
    pytest.importorskip("timm", reason="needs the extra backbones", exc_type=ImportError)
    backbone = create_backbone(f"timm/{name}", width=1.0, output_stride=stride)
    assert backbone(torch.zeros(1, 3, 64, 64)).shape == (1, backbone.out_channels, 64 // stride, 64 // stride)
