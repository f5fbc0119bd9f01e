"""A landmark network in torch as a `Backend`, so that checkpoints and built artifacts are measured by the same code."""

from __future__ import annotations

import torch

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ClosedError
from sdfl.layouts import get_layout
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.model.quantize import is_quantized
from sdfl.types import Image, Prediction


class TorchBackend:
    """Runs a landmark network in torch.

    Attributes:
        spec: what the network expects and gives.
    """

    def __init__(self, network: Network, name: str, device: str = "cpu") -> None:
        """Make the network ready to run.

        Args:
            network: as it was trained, or folded and with fake quantization, as `Checkpoint.landmark_network` gives it.
            name: what reports call it.
            device: where torch runs it.
        """
        config, int8 = network.config, is_quantized(network)
        self.spec = ModelSpec(
            name=name,
            layout=config.layout,
            num_points=get_layout(config.layout).num_points,
            input_size=config.input_size,
            precision="int8" if int8 else "fp32",
        )
        self._network: Network | None = (network.eval() if int8 else fold(network)).to(device)
        self._device = device

    def infer(self, crops: Image) -> Prediction:
        """Find the landmarks in crops.

        Args:
            crops: (B, S, S, 3) uint8 BGR.

        Returns:
            Landmarks in crop px.

        Raises:
            ClosedError: after `close`.
        """
        if self._network is None:
            raise ClosedError("this TorchBackend was closed; open the model again")
        with torch.inference_mode():
            output = self._network(torch.from_numpy(crops).to(self._device))
            presence = torch.sigmoid(output.presence_logit)
        return Prediction(*(tensor.float().cpu().numpy() for tensor in (output.points, presence, output.log_scale)))

    def close(self) -> None:
        """Free the network. May be called twice."""
        self._network = None
