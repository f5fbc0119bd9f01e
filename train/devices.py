"""Where to train: processes and devices."""

from __future__ import annotations

from dataclasses import dataclass

from lightning.fabric import Fabric

from sdfl.errors import ConfigError, first_line


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
    try:
        fabric = Fabric(**vars(devices), precision=precision)  # type: ignore[arg-type]
    except (RuntimeError, ValueError, TypeError) as error:
        asked = ", ".join(f"{name} {value}" for name, value in vars(devices).items())
        reason = first_line(error)
        raise ConfigError(f"cannot train with {asked} and precision {precision}: {reason}") from error
    fabric.launch()
    return fabric
