"""Where a measurement was made: facts that are known to change results, read without any extra package."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import sdfl
from sdfl.benchmarks.latency.jetson import parse_nvpmodel
from sdfl.errors import ConfigError, SdflError
from sdfl.runtime.doctor.jetson import is_jetson, parse_l4t
from sdfl.runtime.processor import processor_name, sysctl

JETSON, UNKNOWN = "jetson", "unknown"
LIBRARIES = ("numpy", "opencv-python", "opencv-python-headless", "onnx", "onnxruntime", "openvino", "cuda-bindings",
             "ai-edge-litert", "tensorrt", "torch")  # fmt: skip
# Of about two hundred flags, those that decide which kernels a network runs with.
SPEED_FLAGS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
               "asimd", "asimdhp", "asimddp", "i8mm", "bf16")  # fmt: skip
BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def read_environment(device: str | None = None) -> dict[str, Any]:
    """The environment of a record.

    Args:
        device: what to call this computer; None for its model or processor, "jetson" for a Jetson's model and power
            mode.

    Returns:
        A flat table. "machine" is a fingerprint of the hardware. What the system does not tell is None or "unknown".

    Raises:
        ConfigError: `device` is "jetson" and this computer is none.
    """
    cpu, flags = _cpu()
    board = _text(Path("/proc/device-tree/model")).rstrip("\0")
    power_mode = parse_nvpmodel(_output("nvpmodel", "-q"))[0]
    if device == JETSON:
        device = jetson_name(board, power_mode)
    gpu = _gpu()
    cores, memory_gb = os.cpu_count() or 0, _memory_gb()
    fingerprint = hashlib.sha256(repr((cpu, flags, board, gpu.get("gpu"), cores, memory_gb)).encode())
    return {
        "device": device or board or cpu,
        "machine": fingerprint.hexdigest()[:12],
        "cpu": cpu,
        "cpu_flags": list(flags),
        "cores": cores,
        "memory_gb": memory_gb,
        "governor": _text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")) or None,
        "turbo": _turbo(),
        "power_mode": power_mode or None,
        "jetpack": parse_l4t(_text(Path("/etc/nv_tegra_release"))) or None,
        **gpu,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": _libraries(),
        "sdfl": sdfl.__version__,
        "git_commit": _git_commit(),
        "load_average": _load_average(),
    }


def computes_bf16() -> bool:
    """Whether this processor has instructions for bf16."""
    return bool(BF16_FLAGS & set(_cpu()[1]))


@cache
def _cpu() -> tuple[str, tuple[str, ...]]:
    """Name of the processor and which of SPEED_FLAGS it has."""
    table: dict[str, str] = {}
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        table.setdefault(key.strip().lower(), value.strip())
    flags = set((table.get("flags") or table.get("features") or "").split())
    name = table.get("model name") or table.get("hardware") or processor_name() or UNKNOWN
    return name, tuple(flag for flag in SPEED_FLAGS if flag in flags)


def _memory_gb() -> float | None:
    """Memory in all, None where the system does not tell."""
    for line in _text(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemTotal"):
            return round(int(line.split()[1]) / 1024**2, 1)
    total = sysctl("hw.memsize")
    return round(int(total) / 1024**3, 1) if total.isdecimal() else None


def _load_average() -> float | None:
    """Processes that wanted to run during the last minute; None on Windows, which does not count them."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _turbo() -> bool | None:
    no_turbo = _text(Path("/sys/devices/system/cpu/intel_pstate/no_turbo"))
    boost = _text(Path("/sys/devices/system/cpu/cpufreq/boost"))
    if no_turbo:
        return no_turbo == "0"
    return boost == "1" if boost else None


def jetson_name(board: str, power_mode: str) -> str:
    """Model and power mode of a Jetson.

    Args:
        board: the model in the device tree.
        power_mode: of nvpmodel, "" if unknown.

    Raises:
        ConfigError: `board` is no Jetson.
    """
    if not is_jetson(board):
        raise ConfigError("--device jetson: this is no Jetson; leave it out, or give this computer a name of its own")
    return f"{board}, {power_mode}" if power_mode else board


def _gpu() -> dict[str, Any]:
    query = "name,driver_version,compute_cap,power.limit"
    lines = _output("nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader").splitlines()
    if not lines or lines[0].count(",") != 3:
        return _gpu_by_cuda()
    name, driver, capability, power_limit = (part.strip() for part in lines[0].split(","))
    return {"gpu": name, "gpu_driver": driver, "compute_capability": capability, "gpu_power_limit": power_limit}


def _gpu_by_cuda() -> dict[str, Any]:
    """A Jetson's nvidia-smi, where there is one, does not tell these."""
    try:
        from sdfl.runtime.backends.cuda.open import read_gpu  # needs numpy, the rest of this file nothing

        gpu = read_gpu()
    except (SdflError, ModuleNotFoundError):
        return {"gpu": None}
    return {"gpu": gpu.name, "gpu_driver": f"CUDA {gpu.driver}", "compute_capability": gpu.compute_capability}


def _libraries() -> dict[str, str]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git_commit() -> str | None:
    """Of the checkout that this package runs from, with "+" where files differ from it; None outside of one."""
    folder = str(Path(__file__).resolve().parent)
    commit = _output("git", "-C", folder, "rev-parse", "--short=12", "HEAD")
    changed = _output("git", "-C", folder, "status", "--porcelain", "--untracked-files=no")
    return (commit + ("+" if changed else "")) or None


def _output(program: str, *arguments: str) -> str:
    """What a program prints; "" where it is missing or fails."""
    if not shutil.which(program):
        return ""
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
