"""Ranges of activations from example crops: for each tensor the range with the least squared rounding error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from sdfl.datasets import Sample, read_image
from sdfl.errors import CheckpointError
from sdfl.geometry import evaluation_crop
from sdfl.model.quantize.fake_quantization import HIGHEST, LOWEST, SMALLEST_SCALE, FakeQuant
from sdfl.types import Image

BATCH_SIZE = 16
KEPT_VALUES = 8192  # of each tensor and batch, drawn evenly: enough for the error of a range, little enough to keep all
FRACTIONS = torch.linspace(0.1, 1.0, 91)  # ranges tried, as shares of the largest value seen


class _Observer:
    def __init__(self) -> None:
        self._kept: list[Tensor] = []
        self._largest = torch.zeros(())

    def __call__(self, x: Tensor) -> None:
        flat = x.detach().flatten()
        stride = max(1, flat.numel() // KEPT_VALUES)
        stride += 1 - stride % 2  # odd, so that it meets every column of a map
        self._kept.append(flat[::stride].clone())
        self._largest = torch.maximum(self._largest, flat.abs().max().cpu())

    def scale(self) -> float:
        """NaN where a value was not finite."""
        values = torch.cat(self._kept)
        if not torch.isfinite(self._largest) or not torch.isfinite(values).all():
            return float("nan")
        scales = (self._largest * FRACTIONS / HIGHEST).clamp(min=SMALLEST_SCALE)
        errors = [_error(values, float(scale)) for scale in scales]
        return float(scales[int(np.argmin(errors))])


def _error(values: Tensor, scale: float) -> float:
    levels = (values / scale).round_().clamp_(LOWEST, HIGHEST)
    return float(torch.sum((levels * scale - values) ** 2))


@torch.no_grad()
def calibrate(
    network: nn.Module, crops: Image, *, progress: Callable[[Iterable[int]], Iterable[int]] = lambda steps: steps
) -> None:
    """Set the range of every FakeQuant in a network from its values in float.

    Args:
        network: of `prepare`; changed in place.
        crops: (M, H, W, 3) uint8 BGR, its inputs.
        progress: wraps the batches, for a progress bar.

    Raises:
        CheckpointError: names the layer whose values are not finite.
    """
    quantizers = {name: module for name, module in network.named_modules() if isinstance(module, FakeQuant)}
    observers = {name: _Observer() for name in quantizers}
    network.eval()
    for name, module in quantizers.items():
        module.observer = observers[name]
    try:
        for start in progress(range(0, len(crops), BATCH_SIZE)):
            network(torch.from_numpy(crops[start : start + BATCH_SIZE]))
    finally:
        for module in quantizers.values():
            module.observer = None
    for name, module in quantizers.items():
        scale = observers[name].scale()
        if not np.isfinite(scale):
            raise CheckpointError(f"{name}: its values are not finite (NaN or infinity); train the checkpoint again")
        module.scale.fill_(min(scale, module.limit / HIGHEST))


def crops_of(samples: Sequence[Sample], size: int) -> Image:
    """Cut the evaluation crops of labelled pictures.

    Args:
        samples: M pictures.
        size: crop px.

    Returns:
        (M, size, size, 3) uint8 BGR.
    """
    return np.stack([evaluation_crop(read_image(sample.image_path), sample.points, size).image for sample in samples])
