"""What is known about a computer, as far as running models needs it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Computer:
    """The facts that problems and recommendations follow from; what could not be found out is empty.

    Attributes:
        system: operating system, processor family and version of Python.
        jetson: the model of a Jetson, "" for any other computer.
        jetpack: release of L4T, such as "36.4.3".
        gpu: name of the NVIDIA GPU.
        compute_capability: of the GPU, such as "8.7".
        driver: version of CUDA that its driver brings.
        gpu_problem: why there is no `gpu`.
        cuda_binding: the Python package that talks to the GPU, "cuda-bindings" or "pycuda".
        tensorrt: version of TensorRT.
        tensorrt_problem: why there is no `tensorrt`.
        tensorrt_rtx: version of TensorRT-RTX.
        plugin: path of the operator's TensorRT plugin.
        onnx: version of the package onnx, which building engines needs.
        openvino_devices: OpenVINO's name of a device -> its full name.
        openvino_extension: path of the operator's compiled extension.
        extension_problem: why the extension that an environment variable names cannot be used.
        onnxruntime_providers: of ONNX Runtime.
        litert: version of LiteRT.
        opencv: version of OpenCV.
        opencv_from: folder that it was imported from.
        opencv_wheels: installed packages that bring OpenCV.
        gstreamer: whether OpenCV was built with GStreamer.
        cameras: device file -> name of the camera.
        views: names of the views that `sdfl demo` can open here, the best first.
        sample: whether the package is installed that brings the sample clip.
        memory_mb: memory in all.
        available_mb: memory that is free.
        swap_mb: swap space.
        system_packages: whether this Python environment sees the system's packages.
        broken: package that is installed but cannot be used -> why.
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
    onnx: str = ""
    openvino_devices: dict[str, str] = field(default_factory=dict)
    openvino_extension: str = ""
    extension_problem: str = ""
    onnxruntime_providers: tuple[str, ...] = ()
    litert: str = ""
    opencv: str = ""
    opencv_from: str = ""
    opencv_wheels: tuple[str, ...] = ()
    gstreamer: bool = False
    cameras: dict[str, str] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    sample: bool = False
    memory_mb: int = 0
    available_mb: int = 0
    swap_mb: int = 0
    system_packages: bool = True
    broken: dict[str, str] = field(default_factory=dict)
