"""Which kind of processor this is."""

from __future__ import annotations

import platform

ARM_MACHINES = ("aarch64", "arm64", "armv8l", "armv7l")  # as Linux, macOS and Windows name them


def on_arm() -> bool:
    """Whether the processor is an Arm one."""
    return platform.machine().lower() in ARM_MACHINES
