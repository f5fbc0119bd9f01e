"""Finding out what this computer has. Each probe gives some attributes of `Computer`."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdfl.errors import SdflError, first_line
from sdfl.runtime.doctor.facts import Computer
from sdfl.runtime.doctor.jetson import BOARD_FILE, RELEASE_FILE, is_jetson, parse_l4t

Probe = Callable[[], dict[str, Any]]
PACKAGES = (
    "numpy", "opencv-python", "opencv-python-headless", "av", "onnxruntime", "openvino", "torch", "onnx", "tensorrt",
    "ai-edge-litert",
)  # fmt: skip
OPENCV_WHEELS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


def installed_versions() -> dict[str, str]:
    """Package -> version of what is installed of `PACKAGES`, and of Python and the system."""
    found = {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    return found | {package: version for package in PACKAGES if (version := _version(package))}


def read_computer(libraries: Mapping[str, Probe] | None = None) -> Computer:
    """Find out what this computer has; what cannot be found out stays empty.

    Args:
        libraries: package -> probe that imports it and may fail in any way; None for `LIBRARIES`.
    """
    values: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"}
    for probe in (_jetson, _gpu, _tensorrt, _extension, _opencv, _cameras, _memory):
        values |= probe()
    broken = {}
    for package, probe in (LIBRARIES if libraries is None else libraries).items():
        try:
            values |= probe()
        except Exception as error:  # a wheel for another numpy or glibc may raise anything
            broken[package] = first_line(error)
    return Computer(**values, broken=broken)


def _jetson() -> dict[str, Any]:
    model = _text(BOARD_FILE).rstrip("\0")
    return {
        "jetson": model if is_jetson(model) else "",
        "jetpack": parse_l4t(_text(RELEASE_FILE)),
        "system_packages": "include-system-site-packages = false" not in _text(Path(sys.prefix) / "pyvenv.cfg"),
    }


def _gpu() -> dict[str, Any]:
    from sdfl.runtime.backends.cuda.open import read_gpu

    binding = next((name for name in ("cuda-bindings", "pycuda") if _version(name)), "")
    try:
        gpu = read_gpu()
    except SdflError as error:
        return {"gpu_problem": str(error), "cuda_binding": binding}
    return {
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
        "driver": gpu.driver,
        "cuda_binding": binding,
    }


def _tensorrt() -> dict[str, Any]:
    from sdfl.runtime.backends.tensorrt.library import find_plugin, load_library

    found: dict[str, Any] = {"onnx": _version("onnx")}
    for key, target in (("tensorrt", "tensorrt"), ("tensorrt_rtx", "tensorrt-rtx")):
        try:
            found[key] = load_library(target).__version__
        except SdflError as error:
            found |= {"tensorrt_problem": str(error)} if target == "tensorrt" else {}
    try:
        found["plugin"] = str(find_plugin() or "")
    except SdflError as error:
        found["plugin"] = str(error)
    return found


def _extension() -> dict[str, Any]:
    from sdfl.runtime.backends.openvino.extension import find_extension

    try:
        return {"openvino_extension": str(find_extension() or "")}
    except SdflError as error:
        return {"extension_problem": str(error)}


def _openvino() -> dict[str, Any]:
    if find_spec("openvino") is None:
        return {}
    from sdfl.runtime.backends.openvino.library import load_openvino

    core = load_openvino().Core()
    return {
        "openvino_devices": {
            device: str(core.get_property(device, "FULL_DEVICE_NAME")) for device in core.available_devices
        }
    }


def _onnxruntime() -> dict[str, Any]:
    if find_spec("onnxruntime") is None:
        return {}
    from sdfl.runtime.backends.onnxruntime.library import load_onnxruntime

    return {"onnxruntime_providers": tuple(load_onnxruntime().get_available_providers())}


def _litert() -> dict[str, Any]:
    if find_spec("ai_edge_litert") is None:
        return {}
    from sdfl.runtime.backends.litert import load_litert

    load_litert()
    return {"litert": _version("ai-edge-litert")}


LIBRARIES: dict[str, Probe] = {"openvino": _openvino, "onnxruntime": _onnxruntime, "ai-edge-litert": _litert}


def _opencv() -> dict[str, Any]:
    wheels = tuple(name for name in OPENCV_WHEELS if _version(name))
    can_serve = all(_is_there(package) for package in ("uvicorn", "starlette"))
    found: dict[str, Any] = {"opencv_wheels": wheels, "sample": _is_there("skimage")}
    try:
        import cv2

        from sdfl.runtime.views import default_view

        built_with = re.search(r"GStreamer:\s*(\w+)", cv2.getBuildInformation())
        window = default_view() == "window"
    except (ImportError, AttributeError):  # the latter where one of two wheels was removed
        return found
    return found | {
        "opencv": cv2.__version__,
        "opencv_from": str(Path(cv2.__file__).parent),
        "gstreamer": bool(built_with and built_with[1] == "YES"),
        "views": tuple(name for name, able in (("window", window), ("browser", can_serve)) if able),
    }


def _cameras() -> dict[str, Any]:
    folder = Path("/sys/class/video4linux")
    devices = sorted(folder.glob("video*")) if folder.is_dir() else []
    return {"cameras": {f"/dev/{device.name}": _text(device / "name") for device in devices}}


def _memory() -> dict[str, Any]:
    lines = (line.split() for line in _text(Path("/proc/meminfo")).splitlines() if ":" in line)
    table = {words[0].rstrip(":"): words[1] for words in lines if len(words) > 1}
    keys = (("memory_mb", "MemTotal"), ("available_mb", "MemAvailable"), ("swap_mb", "SwapTotal"))
    return {name: int(table.get(key, 0)) // 1024 for name, key in keys}


def _version(package: str) -> str:
    """Of an installed package, "" where it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _is_there(module: str) -> bool:
    """Whether a module can be found, without importing it."""
    try:
        return find_spec(module) is not None
    except ValueError:  # it was imported as something without a spec
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
