"""What `sdfl doctor` finds wrong, on computers that are only described."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computers import CPU, ORIN

from sdfl.runtime.doctor.facts import Computer
from sdfl.runtime.doctor.problems import find_problems

BOTH = ("opencv-python", "opencv-python-headless")


@pytest.fixture(autouse=True)
def no_nvidia_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)


@pytest.mark.parametrize("computer", [pytest.param(CPU, id="a PC without a GPU"), pytest.param(ORIN, id="a good Orin")])
def test_a_sound_computer_has_no_problem(computer: Computer) -> None:
    assert find_problems(computer) == []


@pytest.mark.parametrize(
    ("computer", "problem", "fix"),
    [
        pytest.param(replace(CPU, opencv_wheels=BOTH), "which breaks cv2", "uninstall -y opencv-python ",
                     id="two OpenCVs"),
        pytest.param(replace(CPU, opencv="", opencv_wheels=()), "OpenCV cannot be", "[headless]'", id="no OpenCV"),
        pytest.param(replace(ORIN, opencv_wheels=("opencv-python",)), "hides JetPack's OpenCV",
                     "pip uninstall -y opencv-python", id="a wheel hides JetPack's OpenCV"),
        pytest.param(replace(ORIN, gstreamer=False), "built without GStreamer", "nvidia-opencv", id="no GStreamer"),
        pytest.param(replace(ORIN, tensorrt="", system_packages=False), "does not see JetPack's TensorRT",
                     "--system-site-packages", id="closed environment"),
        pytest.param(replace(ORIN, tensorrt="", tensorrt_problem="x"), "TensorRT is missing", "python3-libnvinfer",
                     id="no TensorRT"),
        pytest.param(replace(ORIN, gpu="", gpu_problem="cudaErrorInsufficientDriver"), "the GPU cannot be asked",
                     r"cuda-bindings==12", id="cuda-bindings of another JetPack"),
        pytest.param(replace(ORIN, cuda_binding=""), "no Python package can ask", "cuda-bindings==12", id="no binding"),
        pytest.param(replace(ORIN, onnx=""), "needs the package onnx", "pip install onnx", id="nothing to build with"),
        pytest.param(replace(ORIN, available_mb=900, swap_mb=0), "may be too little for building", "mkswap",
                     id="little memory"),
        pytest.param(replace(CPU, openvino_devices={}, onnxruntime_providers=()), "neither OpenVINO nor",
                     "pip install openvino", id="nothing to run with"),
        pytest.param(replace(CPU, extension_problem="SDFL_OPENVINO_EXTENSION names x"), "names x",
                     "unset SDFL_OPENVINO_EXTENSION", id="an extension that is not there"),
        pytest.param(replace(CPU, broken={"openvino": "numpy 1"}),
                     "openvino is installed but cannot be used (numpy 1)", "pip install --force-reinstall openvino",
                     id="a broken library"),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_with_the_command(computer: Computer, problem: str, fix: str) -> None:
    found = find_problems(computer)
    assert len(found) == 1
    assert problem in found[0].problem
    assert fix in found[0].fix
