"""Computers that are only described, to try what `sdfl doctor` says about them."""

from __future__ import annotations

from sdfl.runtime.doctor.facts import Computer

CPU = Computer(
    "Linux x86_64, Python 3.11",
    openvino_devices={"CPU": "a processor"},
    onnxruntime_providers=("CPUExecutionProvider",),
    opencv="4.12.0",
    opencv_wheels=("opencv-python-headless",),
    views=("browser",),
    sample=True,
    memory_mb=16000,
    available_mb=12000,
)
ORIN = Computer(
    "Linux aarch64, Python 3.10",
    jetson="NVIDIA Jetson Orin Nano Engineering Reference Developer Kit",
    jetpack="36.4.3",
    gpu="Orin",
    compute_capability="8.7",
    driver="12.6",
    cuda_binding="cuda-bindings",
    tensorrt="10.3.0",
    onnx="1.17.0",
    openvino_devices={"CPU": "Cortex-A78AE"},
    onnxruntime_providers=("CPUExecutionProvider",),
    opencv="4.8.0",
    opencv_from="/usr/lib/python3.10/dist-packages/cv2",
    gstreamer=True,
    views=("window", "browser"),
    cameras={"/dev/video0": "a camera"},
    memory_mb=7620,
    available_mb=5200,
    swap_mb=3800,
)
