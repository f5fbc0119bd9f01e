"""A checkpoint as a `Backend`, so that torch and built artifacts are measured by the same code."""

from __future__ import annotations

from pathlib import Path

import torch

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import network_from_checkpoint
from sdfl.model.landmarks.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.types import Image, Prediction


class TorchBackend:
    """Runs a network in torch. crops: (B, S, S, 3) uint8 BGR."""

    def __init__(self, network: Network, name: str, device: str = "cpu") -> None:
        config = network.config
        self.spec = ModelSpec(name, config.layout, get_layout(config.layout).num_points, config.input_size)
        self._network = fold(network)
        self._network.to(device)
        self._device = device

    @classmethod
    def from_checkpoint(cls, path: Path) -> TorchBackend:
        return cls(network_from_checkpoint(path)[0], path.stem)

    def infer(self, crops: Image) -> Prediction:
        with torch.inference_mode():
            output = self._network(torch.from_numpy(crops).to(self._device))
            presence = torch.sigmoid(output.presence_logit)
        return Prediction(*(tensor.float().cpu().numpy() for tensor in (output.points, presence, output.log_scale)))

    def close(self) -> None:
        """Nothing to release."""
