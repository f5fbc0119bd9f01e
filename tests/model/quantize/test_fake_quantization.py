"""Fake quantization against the formula of QuantizeLinear and DequantizeLinear, and int8 against fake quantization."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from sdfl.model.checkpoint import read_checkpoint
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.quantize import (
    FakeQuant,
    QuantConv2d,
    QuantLinear,
    calibrate,
    convert,
    prepare,
    quantized_layers,
)


def rounded(x: np.ndarray, scale: float) -> np.ndarray:
    return np.clip(np.round(x / scale), -128, 127) * scale


@pytest.mark.parametrize(
    ("scale", "limit", "used"),
    [
        pytest.param(0.1, float("inf"), 0.1, id="as calibrated"),
        pytest.param(0.1, 6.0, 6 / 127, id="a ReLU6 bounds the highest level"),
        pytest.param(0.01, 6.0, 0.01, id="a range below the bound is kept"),
    ],
)
def test_rounds_to_even_and_saturates(scale: float, limit: float, used: float) -> None:
    quantizer = FakeQuant(limit)
    quantizer.scale.data.fill_(scale)
    x = np.linspace(-20, 20, 1001, dtype=np.float32)
    y = quantizer(torch.from_numpy(x)[None])[0].detach().numpy()
    expected = rounded(x, np.float32(used))
    ties = np.abs(np.abs(x / used) % 1 - 0.5) < 1e-4  # x / scale and x * (1 / scale) may differ in the last bit
    np.testing.assert_allclose(y[~ties], expected[~ties], atol=1e-5)


def test_the_range_is_learned() -> None:
    """Values beyond the range ask for a larger one, their gradient stops; inside it passes through."""
    quantizer = FakeQuant()
    quantizer.scale.data.fill_(0.01)
    x = torch.tensor([[5.0, 0.5]], requires_grad=True)
    (-quantizer(x).sum()).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, -1.0]]
    assert quantizer.scale.grad is not None
    assert quantizer.scale.grad < 0


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_those_of_torchs_own_quantizer(memory: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 8).contiguous(memory_format=memory)
    towards, scale = torch.randn(2, 3, 8, 8).contiguous(memory_format=memory), torch.tensor([0.02])
    quantizer = FakeQuant()
    quantizer.scale.data.fill_(0.02)
    mine, theirs, step = x.clone().requires_grad_(), x.clone().requires_grad_(), scale.clone().requires_grad_()
    (quantizer(mine) * towards).sum().backward()
    factor = 1 / math.sqrt(x[0].numel() * 127)
    rounded_by_torch = torch._fake_quantize_learnable_per_tensor_affine(theirs, step, torch.zeros(1), -128, 127, factor)
    (rounded_by_torch * towards).sum().backward()
    assert mine.grad is not None
    assert theirs.grad is not None
    assert torch.equal(mine.grad, theirs.grad)
    assert step.grad is not None
    torch.testing.assert_close(quantizer.scale.grad, step.grad[0], rtol=1e-3, atol=1e-4)  # order of 384 fp32 sums


def test_weights_have_one_scale_a_channel() -> None:
    conv = nn.Conv2d(2, 3, 1)
    conv.weight.data = torch.tensor([[1.0, 0.25], [0.001, 0.00025], [0.0, 0.0]]).view(3, 2, 1, 1)
    made = QuantConv2d.of(conv, own_input=False)
    y = made(torch.eye(2).view(2, 2, 1, 1))[:, :, 0, 0] - conv.bias
    expected = torch.tensor([[1.0, 0.001, 0.0], [16 / 63, 16 / 63 * 0.001, 0.0]])
    torch.testing.assert_close(y, expected, atol=1e-7, rtol=1e-4)


@pytest.mark.parametrize("weights", ["single", "pair"])
def test_int8_computes_what_fake_quantization_does(weights: str) -> None:
    torch.manual_seed(0)
    network = Network(ModelConfig(input_size=64, width=0.25, blocks=1, hidden=16, weights=weights))
    quantized = prepare(fold(network))
    crops = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    calibrate(quantized, crops)
    batch = torch.from_numpy(crops)
    with torch.inference_mode():
        expected, found = quantized(batch), convert(quantized)(batch)
    torch.testing.assert_close(found.points, expected.points, atol=0.05, rtol=0)  # px; a tie may round elsewhere
    state = convert(quantized).state_dict()
    assert state["backbone.stem.0.weight"].dtype == torch.int8
    largest = max(int(value.abs().max()) for key, value in state.items() if value.dtype == torch.int8)
    assert largest == 63, "two products with a u8 must fit into 16 bits"


def module_of(network: Network, node: torch.fx.Node) -> nn.Module | None:
    return network.backbone.get_submodule(str(node.target)) if node.op == "call_module" else None


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "efficientnet_lite0", "efficientnet_b0"])
def test_the_plan(backbone: str) -> None:
    """All convolutions and products but the small ones; each shared value rounded once; it can be printed."""
    network = prepare(fold(Network(ModelConfig(input_size=64, backbone=backbone))))
    layers = dict(quantized_layers(network))
    left = [name for name, module in network.named_modules() if type(module) in (nn.Conv2d, nn.Linear)]
    assert left == ["head.edge_weights.hidden", "head.edge_weights.edges", "head.presence", "head.last.weight"]
    assert sum(isinstance(module, QuantLinear) for module in layers.values()) == 9
    assert isinstance(network.backbone, torch.fx.GraphModule)
    nodes = network.backbone.graph.nodes
    rounding = {
        str(node.target) for node in nodes if f"backbone.{node.target}" in layers and "int8" in str(node.target)
    }
    sources = [node.args[0] for node in nodes if str(node.target) in rounding]
    assert len(sources) == len(set(sources)), "a value is rounded twice"
    assert not any(str(source.target) in rounding for source in sources), "a rounded value is rounded again"
    additions = [node for node in nodes if "add" in str(node.target) and node.op == "call_function"]
    assert len(additions) == (10 if backbone == "mobilenet_v2" else 9)
    assert all(str(source.target) in rounding for node in additions for source in node.args)
    bounded = [node for node in nodes if isinstance(module_of(network, node), nn.ReLU6)]
    assert all(isinstance(module_of(network, user), nn.ZeroPad2d) for node in bounded for user in node.users)
    text = str(network)
    assert "QuantConv2d" in text
    assert "FakeQuant(int8" in text


def test_a_checkpoint_gives_the_network_back(quantized: Path, exported: Path) -> None:
    checkpoint = read_checkpoint(quantized)
    network, weights = checkpoint.landmark_network(), checkpoint.weights
    assert checkpoint.quantization is not None
    assert checkpoint.quantization["method"] == "ptq"
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
    assert any(key.endswith("norm.bias") or key.endswith(".bias") for key in weights if key.startswith("head.blocks"))
