"""Where to train: processes and devices."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from lightning.fabric import Fabric

from sdfl.errors import ConfigError, first_line
from sdfl.runtime.processor import processor_features
from sdfl.train.loop_config import AUTO


@dataclass(frozen=True)
class Devices:
    """Where to train, as Lightning Fabric names it.

    Attributes:
        accelerator: "auto", "cpu", "cuda", ...
        devices: how many, or "auto".
        strategy: how several devices work together: "auto", "ddp", ...
    """

    accelerator: str = "auto"
    devices: str = "auto"
    strategy: str = "auto"


def launch(devices: Devices, precision: str) -> Fabric:
    """Start the processes of a training.

    Args:
        devices: where to train.
        precision: one of `sdfl.train.loop_config.PRECISIONS`.

    Raises:
        ConfigError: this computer does not have these devices.
    """
    if precision == AUTO:
        precision = fastest_precision(devices.accelerator)
    try:
        fabric = Fabric(**vars(devices), precision=precision)  # type: ignore[arg-type]
    except (RuntimeError, ValueError, TypeError) as error:
        asked = ", ".join(f"{name} {value}" for name, value in vars(devices).items())
        reason = first_line(error)
        raise ConfigError(f"cannot train with {asked} and precision {precision}: {reason}") from error
    fabric.launch()
    return fabric


def fastest_precision(accelerator: str) -> str:
    """What a device trains fastest in: bfloat16 where it has instructions for that, otherwise float32.

    A processor without them emulates bfloat16 and then takes ten times as long as in float32.

    Args:
        accelerator: as in `Devices`.
    """
    if accelerator in ("auto", "cuda", "gpu") and torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        has_bf16 = "avx512_bf16" in processor_features()
    return "bf16-mixed" if has_bf16 else "32-true"
