"""What is wrong with a computer, and the command or step that fixes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sdfl.errors import install_command
from sdfl.runtime.doctor.facts import Computer

LITTLE_MEMORY_MB = 2500  # with less, building an engine beside a desktop ran out of memory on Orin


@dataclass(frozen=True)
class Problem:
    """Something that is wrong.

    Attributes:
        problem: one sentence.
        fix: the command or step that fixes it.
    """

    problem: str
    fix: str


Rule = Callable[[Computer], Iterable[Problem]]


def find_problems(computer: Computer) -> list[Problem]:
    """Everything that is wrong, the most serious first."""
    return [problem for rule in RULES for problem in rule(computer)]


def _opencv(computer: Computer) -> Iterable[Problem]:
    if len(computer.opencv_wheels) > 1:
        yield Problem(
            f"{' and '.join(computer.opencv_wheels)} are installed together, which breaks cv2",
            f"pip uninstall -y {' '.join(computer.opencv_wheels)} && {install_command('headless')}",
        )
    elif not computer.opencv:
        yield Problem(
            "OpenCV cannot be imported",
            f"{install_command('headless')}; or with a display: {install_command('window')}",
        )


def _broken_packages(computer: Computer) -> Iterable[Problem]:
    for package, why in computer.broken.items():
        yield Problem(f"{package} is installed but cannot be used ({why})", f"pip install --force-reinstall {package}")


def _cpu_library(computer: Computer) -> Iterable[Problem]:
    if not computer.openvino_devices and not computer.onnxruntime_providers:
        yield Problem("neither OpenVINO nor ONNX Runtime can be loaded", "pip install openvino onnxruntime")


def _extension(computer: Computer) -> Iterable[Problem]:
    if computer.extension_problem:
        yield Problem(computer.extension_problem, "unset SDFL_OPENVINO_EXTENSION, or let it name the library")


def _jetson_opencv(computer: Computer) -> Iterable[Problem]:
    if computer.jetson and computer.opencv_wheels:
        yield Problem(
            f"the wheel {computer.opencv_wheels[0]} hides JetPack's OpenCV, which alone can read a MIPI camera",
            f"pip uninstall -y {' '.join(computer.opencv_wheels)}",
        )
    elif computer.jetson and computer.opencv and not computer.gstreamer:
        yield Problem(
            f"OpenCV {computer.opencv} in {computer.opencv_from} was built without GStreamer: no MIPI camera",
            "sudo apt-get install --reinstall nvidia-opencv",
        )


def _driver(computer: Computer) -> Iterable[Problem]:
    has_driver = shutil.which("nvidia-smi") is not None
    if computer.jetson and computer.gpu_problem and computer.cuda_binding:
        yield Problem(
            f"the GPU cannot be asked: {computer.gpu_problem}",
            "pip install 'cuda-bindings==12.*' on JetPack 6, 'cuda-bindings==13.*' on JetPack 7; "
            "in a container: --runtime nvidia",
        )
    elif computer.gpu_problem and computer.cuda_binding and has_driver:
        yield Problem(f"the GPU cannot be used: {computer.gpu_problem}", "nvidia-smi, and update the driver")
    if (computer.jetson or has_driver) and not computer.cuda_binding:
        package = "'cuda-bindings==12.*'" if computer.jetpack.startswith("36") else "cuda-bindings"
        yield Problem("no Python package can ask the GPU", f"pip install {package}")


def _jetson_tensorrt(computer: Computer) -> Iterable[Problem]:
    if not computer.jetson or computer.tensorrt:
        return
    if not computer.system_packages:
        yield Problem(
            "this environment does not see JetPack's TensorRT",
            "python3 -m venv --system-site-packages ENV, and install sdfl there",
        )
    else:
        yield Problem(
            f"TensorRT is missing ({computer.tensorrt_problem})", "sudo apt-get install python3-libnvinfer tensorrt"
        )


def _cannot_build(computer: Computer) -> Iterable[Problem]:
    if computer.gpu and (computer.tensorrt or computer.tensorrt_rtx) and not computer.onnx:
        yield Problem("TensorRT is there, but building an engine needs the package onnx", "pip install onnx")


def _little_memory(computer: Computer) -> Iterable[Problem]:
    if computer.jetson and computer.available_mb + computer.swap_mb < LITTLE_MEMORY_MB:
        yield Problem(
            f"{computer.available_mb} MB of memory and {computer.swap_mb} MB of swap may be too little for building "
            "an engine",
            "sudo fallocate -l 4G /swapfile && sudo chmod 600 /swapfile && sudo mkswap /swapfile && "
            "sudo swapon /swapfile; close the desktop: sudo systemctl isolate multi-user.target",
        )


RULES: tuple[Rule, ...] = (
    _opencv,
    _broken_packages,
    _cpu_library,
    _extension,
    _jetson_opencv,
    _driver,
    _jetson_tensorrt,
    _cannot_build,
    _little_memory,
)
