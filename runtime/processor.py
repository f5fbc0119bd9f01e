"""Which kind of processor this is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache

ARM_MACHINES = ("aarch64", "arm64", "armv8l", "armv7l")  # as Linux, macOS and Windows name them


def on_arm() -> bool:
    """Whether the processor is an Arm one."""
    return platform.machine().lower() in ARM_MACHINES


def usable_processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor_name() -> str:
    """What macOS and Windows call the processor, elsewhere what Python knows; perhaps no more than its family.

    Windows' variable tells the model and stepping, which Python 3.14 and some older ones leave out.
    """
    name = sysctl("machdep.cpu.brand_string") or os.environ.get("PROCESSOR_IDENTIFIER", "")
    return name or platform.processor() or platform.machine()


def sysctl(key: str) -> str:
    """What macOS tells about itself, "" elsewhere and where it does not.

    Args:
        key: such as "hw.memsize".
    """
    if sys.platform != "darwin":
        return ""
    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()
