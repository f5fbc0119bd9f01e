"""What `sdfl doctor` recommends: the fastest first, and nothing that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from computers import CPU, ORIN

from sdfl.runtime.doctor.facts import Computer
from sdfl.runtime.doctor.recommendations import recommend

BUILD = ["sdfl build small --target tensorrt", "sdfl build small_int8 --target tensorrt"]
RUN = ["sdfl demo", "sdfl demo --backend onnxruntime"]
RTX = replace(CPU, gpu="RTX 4060", compute_capability="8.9", tensorrt_rtx="1.7.1", onnx="1.17.0")


@pytest.mark.parametrize(
    ("computer", "commands"),
    [
        pytest.param(CPU, RUN, id="a PC without a GPU"),
        pytest.param(ORIN, BUILD + RUN, id="a Jetson"),
        pytest.param(replace(ORIN, onnx=""), RUN, id="TensorRT without what building needs"),
        pytest.param(replace(ORIN, gpu="", compute_capability=""), RUN, id="TensorRT without a GPU"),
        pytest.param(RTX, ["sdfl build small --target tensorrt-rtx", *RUN], id="a PC with TensorRT-RTX"),
        pytest.param(replace(RTX, compute_capability="7.0"), RUN, id="a GPU that TensorRT-RTX does not know"),
        pytest.param(replace(CPU, openvino_devices={}),
                     ["sdfl demo"], id="no OpenVINO: ONNX Runtime is the default"),
        pytest.param(replace(CPU, onnxruntime_providers=()), ["sdfl demo"], id="no ONNX Runtime"),
        pytest.param(replace(CPU, openvino_devices={}, onnxruntime_providers=()), [], id="nothing to run with"),
        pytest.param(replace(CPU, opencv=""), [], id="no OpenCV"),
        pytest.param(replace(CPU, views=()), ["sdfl track FILE", "sdfl track FILE --backend onnxruntime"],
                     id="nowhere to show it"),
        pytest.param(replace(CPU, sample=False),
                     ["sdfl demo --source FILE", "sdfl demo --source FILE --backend onnxruntime"],
                     id="no camera and no sample clip"),
    ],
)  # fmt: skip
def test_only_what_works_is_recommended(computer: Computer, commands: list[str]) -> None:
    assert [each.command for each in recommend(computer)] == commands
