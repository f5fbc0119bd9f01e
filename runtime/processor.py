"""Which kind of processor this is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

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


def processor_features() -> str:
    """What the system says that the processor can do; macOS and Windows say which one it is.

    OpenVINO's name of an Arm processor tells nothing, and a home folder on a shared disk may serve several kinds.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "\n".join((processor_name(), sysctl("hw.optional"), platform.machine()))
    kept = ("flags", "Features", "CPU part", "CPU implementer", "model name")
    return "\n".join(sorted({line for line in text.splitlines() if line.startswith(kept)}))


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
