"""The GPU, the tools and the libraries of this computer, found with Python alone."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdfl.benchmarks.environment import read_environment
from sdfl.errors import SdflError

TOOLS = ("cmake", "nvcc", "compute-sanitizer")
HEADER = "NvInferRuntime.h"
HEADER_ROOTS = ("/usr", "/usr/local", "/usr/local/tensorrt", "/usr/local/TensorRT", "/opt/tensorrt", "/opt/TensorRT")
HEADER_FOLDERS = ("include", "include/x86_64-linux-gnu", "include/aarch64-linux-gnu")  # as CMake looks for it
MAJOR, MINOR = 75, 76  # of the compute capability, among the attributes of libcuda
ASK_S = 60.0


class NoGpu(SdflError):
    """There is no NVIDIA GPU that can be used; the message says what is missing."""


@dataclass(frozen=True)
class Machine:
    """What this computer has.

    Attributes:
        gpu: name of GPU 0.
        compute_capability: of the GPU, such as "8.7".
        cuda: the newest version of CUDA that its driver runs.
        tools: name, of TOOLS -> path, of those that are there.
        tensorrt: target of `sdfl build`, "tensorrt" or "tensorrt-rtx" -> version, of those that can be imported.
        runtime: TensorRT's runtime library, full or lean; None where there is none.
        headers: the folder to give as TENSORRT_ROOT, None where there are no headers.
        versions: of the tools and TensorRT's libraries by name, for the record.
        environment: as `sdfl.benchmarks.environment.read_environment` gives it.
    """

    gpu: str
    compute_capability: str
    cuda: str
    tools: dict[str, str] = field(default_factory=dict)
    tensorrt: dict[str, str] = field(default_factory=dict)
    runtime: Path | None = None
    headers: Path | None = None
    versions: dict[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)


def search_path() -> str:
    """Where programs are looked for: beside this Python, in PATH, in CUDA's own folder and in NVIDIA's wheels."""
    wheels = [str(folder) for base in site.getsitepackages() for folder in sorted(Path(base).glob("nvidia/cu*/bin"))]
    path = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([str(Path(sys.executable).parent), path, "/usr/local/cuda/bin", *wheels])


def read_gpu(load: Callable[[str], Any] = ctypes.CDLL) -> tuple[str, str, str]:
    """Ask the driver's own library, which every computer with a usable GPU has.

    Args:
        load: opens a library by its name.

    Returns:
        Name, compute capability, and the newest version of CUDA that the driver runs.

    Raises:
        NoGpu: says what is missing.
    """
    try:
        driver = load("libcuda.so.1")
    except OSError as error:
        raise NoGpu("no NVIDIA GPU can be used: its driver is not installed (there is no libcuda.so.1)") from error

    def call(function: str, *arguments: Any) -> None:
        status = getattr(driver, function)(*arguments)
        if status != 0:
            raise NoGpu(
                f"no NVIDIA GPU can be used: {function} gives CUDA error {status}; is there a GPU, and may this "
                "container use it (docker run --gpus all, on a Jetson --runtime nvidia)?"
            )

    count, version = ctypes.c_int(), ctypes.c_int()
    major, minor, name = ctypes.c_int(), ctypes.c_int(), ctypes.create_string_buffer(256)
    call("cuInit", 0)
    call("cuDeviceGetCount", ctypes.byref(count))
    if count.value < 1:
        raise NoGpu("no NVIDIA GPU can be used: the driver is installed and finds none")
    call("cuDeviceGetName", name, len(name), 0)
    call("cuDeviceGetAttribute", ctypes.byref(major), MAJOR, 0)
    call("cuDeviceGetAttribute", ctypes.byref(minor), MINOR, 0)
    call("cuDriverGetVersion", ctypes.byref(version))
    newest = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return name.value.decode(errors="replace"), f"{major.value}.{minor.value}", newest


def read_machine(load: Callable[[str], Any] = ctypes.CDLL) -> Machine:
    """Find out what this computer has.

    Args:
        load: opens a library by its name.

    Raises:
        NoGpu: there is no usable GPU.
    """
    return with_tools(*read_gpu(load))


def with_tools(gpu: str = "", compute_capability: str = "", cuda: str = "") -> Machine:
    """A computer's tools and libraries.

    Args:
        gpu: name of its GPU as `read_gpu` gives it, "" where there is none.
        compute_capability: likewise.
        cuda: likewise.
    """
    path = search_path()
    tools = {name: found for name in TOOLS if (found := shutil.which(name, path=path))}
    tensorrt = _tensorrt_versions()
    versions = {name: version for name, found in tools.items() if (version := _tool_version(found))} | tensorrt
    environment = read_environment()
    return Machine(
        gpu, compute_capability, cuda, tools, tensorrt, find_runtime(), find_headers(), versions, environment
    )


def find_headers() -> Path | None:
    """The folder with TensorRT's headers: TENSORRT_ROOT, else the usual ones."""
    roots = [os.environ.get("TENSORRT_ROOT", ""), *HEADER_ROOTS]
    folders = (Path(root) for root in roots if root)
    return next((root for root in folders if any((root / each / HEADER).is_file() for each in HEADER_FOLDERS)), None)


def find_runtime() -> Path | None:
    """TensorRT's runtime library: what SDFL_TENSORRT_RUNTIME names, else the system's, else that of a wheel."""
    named = os.environ.get("SDFL_TENSORRT_RUNTIME") or ctypes.util.find_library("nvinfer")
    if named:
        return Path(named)
    for package, pattern in (("tensorrt_libs", "libnvinfer.so.*"), ("tensorrt_lean_libs", "libnvinfer_lean.so.*")):
        found = find_spec(package)
        for folder in found.submodule_search_locations or () if found else ():
            if libraries := sorted(Path(folder).glob(pattern)):
                return libraries[0]
    return None


def _tensorrt_versions() -> dict[str, str]:
    """Asked in a process of its own: loading a broken library may end it."""
    found = {}
    for target, modules in (("tensorrt", ("tensorrt",)), ("tensorrt-rtx", ("tensorrt_rtx", "tensorrt_rtx_bindings"))):
        for module in modules:
            version = _output(sys.executable, "-c", f"import {module}; print({module}.__version__)")
            if version:
                found[target] = version
                break
    return found


def _tool_version(program: str) -> str:
    match = re.search(r"(?:version |V)(\d+(?:\.\d+)+)", _output(program, "--version"), re.IGNORECASE)
    return match[1] if match else ""


def _output(*command: str) -> str:
    """What a program prints; "" where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=ASK_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
