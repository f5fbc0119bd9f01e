"""Which layer costs how much: points moved by int8 in one layer at a time, everything else in float."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdfl.convert.post_training_quantization import Progress, calibration_crops
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.model.checkpoint import Checkpoint
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.model.quantize import (
    DEFAULT_FLOAT_LAYERS,
    FakeQuant,
    calibrate,
    is_float,
    prepare,
    quantized_layers,
)
from sdfl.types import Image

CROPS_TO_COMPARE = 64


@dataclass(frozen=True)
class Sensitivity:
    """What int8 in one layer costs.

    Attributes:
        layer: its name.
        rounded: "weight", "activation", or "both" for several layers at a time.
        mean_percent: how far points move, in percent of the inter-ocular distance of the float answer.
        largest_percent: of the point that moves farthest.
        presence: largest change of the probability of a face, 0..1.
        kept_float: whether the layer stays in float unless it is asked for.
    """

    layer: str
    rounded: str
    mean_percent: float
    largest_percent: float
    presence: float = 0.0
    kept_float: bool = False


def analyze(
    checkpoint: Checkpoint,
    data: Path,
    *,
    images: int,
    float_layers: Sequence[str] = (),
    progress: Progress = lambda steps: steps,
) -> list[Sensitivity]:
    """Measure what int8 in each layer of a float network costs.

    Args:
        checkpoint: of a landmark network in float.
        data: folder of pictures of faces.
        images: how many pictures the ranges are calibrated on.
        float_layers: layers to leave out.
        progress: wraps the steps, for a progress bar.

    Returns:
        Every layer, the worst first, then "all but kept", which is the default plan, and "all".

    Raises:
        CheckpointError: the checkpoint is quantized already, or no landmark network.
        DataError: there are too few pictures.
        ConfigError: `float_layers` names no layer.
    """
    checkpoint.require_float()
    network = checkpoint.landmark_network()
    quantized = prepare(fold(network), float_layers)
    crops = calibration_crops(data, network.config.input_size, images, progress)
    calibrate(quantized, crops, progress=progress)
    return measure(quantized, crops[:: max(1, len(crops) // CROPS_TO_COMPARE)], progress=progress)


@torch.no_grad()
def measure(
    network: Network, crops: Image, *, progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda steps: steps
) -> list[Sensitivity]:
    """Measure what int8 in each layer of a calibrated network costs.

    Args:
        network: calibrated; it is left with everything quantized.
        crops: (M, S, S, 3) uint8 BGR.
        progress: wraps the layers, for a progress bar.

    Returns:
        As `analyze`.
    """
    layers = list(quantized_layers(network))
    batch = torch.from_numpy(crops)

    def enable(wanted: Callable[[str, object], bool]) -> tuple[Tensor, Tensor]:
        for name, module in layers:
            module.enabled = wanted(name, module)
        output = network(batch)
        return output.points, torch.sigmoid(output.presence_logit)

    exact, sure = enable(lambda *_: False)
    distance = torch.from_numpy(inter_ocular(exact.numpy(), get_layout(network.config.layout)))

    def row(name: str, rounded: str, wanted: Callable[[str, object], bool]) -> Sensitivity:
        points, presence = enable(wanted)
        shift = (points - exact).norm(dim=-1) / distance[:, None] * 100
        change = float((presence - sure).abs().max())
        return Sensitivity(name, rounded, float(shift.mean()), float(shift.max()), change, _kept(name))

    rows = []
    for name, module in progress(layers):
        rounded = "activation" if isinstance(module, FakeQuant) else "weight"
        rows.append(row(name, rounded, lambda _, other: other is module))  # noqa: B023  called at once
    rows.sort(key=lambda each: -each.mean_percent)
    planned = row("all but kept", "both", lambda name, _: not _kept(name))
    return [*rows, planned, row("all", "both", lambda *_: True)]


def _kept(name: str) -> bool:
    return is_float(name, DEFAULT_FLOAT_LAYERS)
