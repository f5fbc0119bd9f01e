"""Quantized checkpoints: the folded network's weights with the ranges, and which layers stayed float."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.config import build
from sdfl.errors import CheckpointError, ConfigError
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import load_checkpoint, load_weights
from sdfl.model.landmarks.fold import fold
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.landmarks.torch_backend import TorchBackend
from sdfl.model.quantize.prepare import prepare

KEY = "quantization"  # of a checkpoint: {"method": "ptq" or "qat", "float_layers": [...]}


def is_quantized(content: dict[str, Any]) -> bool:
    return KEY in content


def require_float(path: Path) -> None:
    """Raise CheckpointError where `path` holds a quantized network."""
    if is_quantized(load_checkpoint(path)):
        raise CheckpointError(f"{path}: is already quantized; start from the fp32 checkpoint")


def quantized_from_checkpoint(path: Path) -> tuple[Network, dict[str, Any]]:
    """The fake-quantized network and the checkpoint's content."""
    content = load_checkpoint(path)
    if not is_quantized(content):
        raise CheckpointError(f"{path}: is not quantized; run sdfl quantize first")
    try:
        weights = content.get("average") or content["weights"]
        graph = LandmarkGraph(weights["head.neighbours"], weights["head.mean_shape"])
        network = fold(Network(build(ModelConfig, content["model"], "model."), graph))
        prepare(network, content[KEY]["float_layers"])
    except (ConfigError, KeyError) as error:
        raise CheckpointError(f"{path}: {error}") from error
    load_weights(network, weights, path)
    return network.eval(), content


class QuantizedBackend(TorchBackend):
    """Runs a fake-quantized network in torch. crops: (B, S, S, 3) uint8 BGR."""

    def __init__(self, network: Network, name: str, device: str = "cpu") -> None:
        config = network.config
        count = get_layout(config.layout).num_points
        self.spec = ModelSpec(name, config.layout, count, config.input_size, precision="int8")
        self._network = network.eval()
        self._device = device


def backend_from_checkpoint(path: Path) -> TorchBackend:
    """A checkpoint of either kind in torch."""
    if is_quantized(load_checkpoint(path)):
        return QuantizedBackend(quantized_from_checkpoint(path)[0], path.stem)
    return TorchBackend.from_checkpoint(path)
