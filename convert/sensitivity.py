"""Which layer costs how much: points moved by int8 in one layer at a time, everything else in float."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdfl.convert.quantized import Progress, calibration_crops
from sdfl.core import Image
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import network_from_checkpoint
from sdfl.model.fold import fold
from sdfl.model.network import Network
from sdfl.model.quantize import FakeQuant, calibrate, prepare, quantized_layers, require_float

CROPS_TO_COMPARE = 64


@dataclass(frozen=True)
class Sensitivity:
    """mean_percent, largest_percent: how far points move, in per cent of the inter-ocular distance of the float answer.

    rounded: "weight" or "activation".
    """

    layer: str
    rounded: str
    mean_percent: float
    largest_percent: float


def analyze(
    checkpoint: Path,
    data: Path,
    *,
    images: int,
    float_layers: Sequence[str] = (),
    progress: Progress = lambda steps: steps,
) -> list[Sensitivity]:
    """Every layer of a float checkpoint, the worst first, then "all" for all of them together."""
    require_float(checkpoint)
    network, _ = network_from_checkpoint(checkpoint)
    quantized = prepare(fold(network), float_layers)
    crops = calibration_crops(data, network.config.input_size, images, progress)
    calibrate(quantized, crops, progress=progress)
    return measure(quantized, crops[:: max(1, len(crops) // CROPS_TO_COMPARE)], progress=progress)


@torch.no_grad()
def measure(
    network: Network, crops: Image, *, progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda steps: steps
) -> list[Sensitivity]:
    """network: calibrated; it is left with everything quantized. crops: (M, S, S, 3) uint8 BGR."""
    layers = list(quantized_layers(network))
    batch = torch.from_numpy(crops)

    def enable(wanted: object) -> Tensor:
        for _, module in layers:
            module.enabled = wanted is module or wanted is all
        points: Tensor = network(batch).points
        return points

    exact = enable(None)
    left, right = get_layout(network.config.layout).eye_corners
    distance = (exact[:, left] - exact[:, right]).norm(dim=-1)

    def row(name: str, rounded: str, wanted: object) -> Sensitivity:
        shift = (enable(wanted) - exact).norm(dim=-1) / distance[:, None] * 100
        return Sensitivity(name, rounded, float(shift.mean()), float(shift.max()))

    rows = [
        row(name, "activation" if isinstance(module, FakeQuant) else "weight", module)
        for name, module in progress(layers)
    ]
    rows.sort(key=lambda each: -each.mean_percent)
    return [*rows, row("all", "both", all)]
