"""What this computer has for running models, what is wrong with it, and the command that mends it.

Every probe takes what it looks at as an argument or from a table of functions, so that any computer can be described
in a test.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from sdfl.errors import SdflError
from sdfl.runtime.backends.openvino.extension import find_extension

LITTLE_MEMORY_MB = 2500  # below it, building an engine beside a desktop has been seen to run out of memory on Orin


@dataclass(frozen=True)
class Finding:
    """problem: what is wrong, one sentence. mend: the command or step against it."""

    problem: str
    mend: str


@dataclass(frozen=True)
class Machine:
    """jetson: its model, "" elsewhere. jetpack: the L4T release, "36.4.3". gpu: None with gpu_problem saying why.

    tensorrt, tensorrt_rtx, openvino_devices, onnxruntime_providers: what the libraries themselves say, empty where
    missing. opencv: version; gstreamer: whether OpenCV was built with it. cameras: device files and their names.
    """

    system: str
    jetson: str = ""
    jetpack: str = ""
    gpu: str = ""
    compute_capability: str = ""
    driver: str = ""
    gpu_problem: str = ""
    cuda_binding: str = ""
    tensorrt: str = ""
    tensorrt_problem: str = ""
    tensorrt_rtx: str = ""
    plugin: str = ""
    openvino_devices: dict[str, str] = field(default_factory=dict)
    openvino_extension: str = ""
    onnxruntime_providers: tuple[str, ...] = ()
    opencv: str = ""
    opencv_from: str = ""
    opencv_wheels: tuple[str, ...] = ()
    gstreamer: bool = False
    cameras: dict[str, str] = field(default_factory=dict)
    memory_mb: int = 0
    available_mb: int = 0
    swap_mb: int = 0
    system_packages: bool = True
    broken: dict[str, str] = field(default_factory=dict)  # package that is installed and cannot be used: why


def read_machine() -> Machine:
    """Look at everything; a part that cannot be asked stays empty."""
    values: dict[str, Any] = {"system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"}
    for probe in (_jetson, _gpu, _tensorrt, _opencv, _cameras, _memory):
        values |= probe()
    broken = {}
    for package, ask in (("openvino", _openvino), ("onnxruntime", _onnxruntime)):
        try:
            values |= ask()
        except Exception as error:  # a wheel for another numpy or glibc ends in anything
            broken[package] = (str(error).splitlines() or [type(error).__name__])[0]
    return Machine(**values, broken=broken)


def findings(machine: Machine) -> list[Finding]:
    """What is wrong with `machine`, by RULES, the gravest first."""
    return [finding for rule in RULES for finding in rule(machine)]


def fits(machine: Machine) -> list[str]:
    """What to run here, the fastest first: one line each with the command."""
    lines = []
    if machine.gpu and machine.tensorrt:
        lines.append("TensorRT: sdfl build small --target tensorrt (fp16), sdfl build small_int8 --target tensorrt")
    if machine.gpu and machine.tensorrt_rtx:
        lines.append("TensorRT-RTX: sdfl build small --target tensorrt-rtx")
    if machine.openvino_devices:
        lines.append("OpenVINO on the CPU: sdfl demo (small in int8)")
    if machine.onnxruntime_providers:
        lines.append("ONNX Runtime on the CPU: sdfl demo --backend onnxruntime")
    return lines


def parse_l4t(text: str) -> str:
    """ "# R36 (release), REVISION: 4.3, ..." of /etc/nv_tegra_release -> "36.4.3", "" for anything else."""
    match = re.search(r"# R(\d+) \(release\), REVISION: ([\d.]+)", text)
    return f"{match[1]}.{match[2]}" if match else ""


def is_jetson(board: str) -> bool:
    """board: the model that the device tree names."""
    return "jetson" in board.lower()


def _jetson() -> dict[str, Any]:
    model = _text(Path("/proc/device-tree/model")).rstrip("\0")
    return {
        "jetson": model if is_jetson(model) else "",
        "jetpack": parse_l4t(_text(Path("/etc/nv_tegra_release"))),
        "system_packages": _sees_system_packages(),
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

    found: dict[str, Any] = {}
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


def _openvino() -> dict[str, Any]:
    if importlib.util.find_spec("openvino") is None:
        return {}
    import openvino

    core = openvino.Core()
    names = {device: str(core.get_property(device, "FULL_DEVICE_NAME")) for device in core.available_devices}
    return {"openvino_devices": names, "openvino_extension": str(find_extension() or "")}


def _onnxruntime() -> dict[str, Any]:
    if importlib.util.find_spec("onnxruntime") is None:
        return {}
    import onnxruntime

    return {"onnxruntime_providers": tuple(onnxruntime.get_available_providers())}


def _opencv() -> dict[str, Any]:
    names = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
    wheels = tuple(name for name in names if _version(name))
    try:
        import cv2

        built_with = re.search(r"GStreamer:\s*(\w+)", cv2.getBuildInformation())
    except (ImportError, AttributeError):  # the latter where one of two wheels was removed
        return {"opencv_wheels": wheels}
    return {
        "opencv": cv2.__version__,
        "opencv_from": str(Path(cv2.__file__).parent),
        "opencv_wheels": wheels,
        "gstreamer": bool(built_with and built_with[1] == "YES"),
    }


def _cameras() -> dict[str, Any]:
    folder = Path("/sys/class/video4linux")
    devices = sorted(folder.glob("video*")) if folder.is_dir() else []
    return {"cameras": {f"/dev/{device.name}": _text(device / "name") for device in devices}}


def _memory() -> dict[str, Any]:
    table = {line.split(":")[0]: line.split()[1] for line in _text(Path("/proc/meminfo")).splitlines() if ":" in line}
    keys = (("memory_mb", "MemTotal"), ("available_mb", "MemAvailable"), ("swap_mb", "SwapTotal"))
    return {name: int(table.get(key, 0)) // 1024 for name, key in keys}


Rule = Callable[[Machine], Iterable[Finding]]


def _two_opencvs(machine: Machine) -> Iterable[Finding]:
    if len(machine.opencv_wheels) > 1:
        yield Finding(
            f"{' and '.join(machine.opencv_wheels)} are installed together, which breaks cv2",
            f"pip uninstall -y {' '.join(machine.opencv_wheels)} && pip install 'sdfl[headless]'",
        )
    elif not machine.opencv:
        yield Finding("OpenCV cannot be imported", "pip install 'sdfl[headless]', with a display 'sdfl[window]'")


def _jetson_opencv(machine: Machine) -> Iterable[Finding]:
    if machine.jetson and machine.opencv_wheels:
        yield Finding(
            f"the wheel {machine.opencv_wheels[0]} hides JetPack's OpenCV, which alone can read a MIPI camera",
            f"pip uninstall -y {' '.join(machine.opencv_wheels)}",
        )
    elif machine.jetson and machine.opencv and not machine.gstreamer:
        yield Finding(
            f"OpenCV {machine.opencv} in {machine.opencv_from} was built without GStreamer: no MIPI camera",
            "sudo apt-get install --reinstall nvidia-opencv",
        )


def _driver(machine: Machine) -> Iterable[Finding]:
    if machine.jetson and machine.gpu_problem and machine.cuda_binding:
        yield Finding(
            f"the GPU cannot be asked: {machine.gpu_problem}",
            "pip install 'cuda-bindings==12.*' on JetPack 6, 'cuda-bindings==13.*' on JetPack 7; "
            "in a container: --runtime nvidia",
        )
    elif machine.gpu_problem and machine.cuda_binding and shutil.which("nvidia-smi"):
        yield Finding(f"the GPU cannot be used: {machine.gpu_problem}", "nvidia-smi, and update the driver")
    if (machine.jetson or shutil.which("nvidia-smi")) and not machine.cuda_binding:
        extra = "'cuda-bindings==12.*'" if machine.jetpack.startswith("36") else "cuda-bindings"
        yield Finding("no Python package can ask the GPU", f"pip install {extra}")


def _jetson_tensorrt(machine: Machine) -> Iterable[Finding]:
    if not machine.jetson or machine.tensorrt:
        return
    if not machine.system_packages:
        yield Finding(
            "this environment does not see JetPack's TensorRT",
            "python3 -m venv --system-site-packages ENV, and install sdfl there",
        )
    else:
        yield Finding(
            f"TensorRT is missing ({machine.tensorrt_problem})", "sudo apt-get install python3-libnvinfer tensorrt"
        )


def _little_memory(machine: Machine) -> Iterable[Finding]:
    if machine.jetson and machine.available_mb + machine.swap_mb < LITTLE_MEMORY_MB:
        yield Finding(
            f"{machine.available_mb} MB of memory and {machine.swap_mb} MB of swap may not do to build an engine",
            "sudo fallocate -l 4G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && "
            "sudo swapon /swapfile; close the desktop: sudo systemctl isolate multi-user.target",
        )


def _cpu_library(machine: Machine) -> Iterable[Finding]:
    if not machine.openvino_devices and not machine.onnxruntime_providers:
        yield Finding("neither OpenVINO nor ONNX Runtime can be loaded", "pip install openvino onnxruntime")


def _broken_packages(machine: Machine) -> Iterable[Finding]:
    for package, why in machine.broken.items():
        yield Finding(f"{package} is installed but cannot be used ({why})", f"pip install --force-reinstall {package}")


RULES: tuple[Rule, ...] = (
    _two_opencvs, _broken_packages, _jetson_opencv, _driver, _jetson_tensorrt, _little_memory, _cpu_library,
)  # fmt: skip


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _sees_system_packages() -> bool:
    """Whether a virtual environment, if this is one, was made with --system-site-packages."""
    config = _text(Path(sys.prefix) / "pyvenv.cfg")
    return "include-system-site-packages = false" not in config


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
