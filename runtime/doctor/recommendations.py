"""What to run on a computer: only what works there."""

from __future__ import annotations

from dataclasses import dataclass

from sdfl.runtime.backends.tensorrt.library import RTX_CAPABILITIES
from sdfl.runtime.doctor.facts import Computer


@dataclass(frozen=True)
class Recommendation:
    """A way to run models.

    Attributes:
        runs_on: the library, and what it computes on.
        command: the command to start with.
    """

    runs_on: str
    command: str


def recommend(computer: Computer) -> list[Recommendation]:
    """The ways to run models that work on this computer, the fastest first."""
    found = []
    if computer.gpu and computer.tensorrt and computer.onnx:
        for model, precision in (("small", "fp16"), ("small_int8", "int8")):
            command = f"sdfl build {model} --target tensorrt"
            found.append(Recommendation(f"TensorRT on {computer.gpu}, {precision}", command))
    if computer.compute_capability in RTX_CAPABILITIES and computer.tensorrt_rtx and computer.onnx:
        found.append(Recommendation(f"TensorRT-RTX on {computer.gpu}", "sdfl build small --target tensorrt-rtx"))
    if not computer.opencv:
        return found  # without it nothing reads a picture
    run = _run(computer)
    has_openvino = "CPU" in computer.openvino_devices
    if has_openvino:
        found.append(Recommendation("OpenVINO on the CPU", run))
    if "CPUExecutionProvider" in computer.onnxruntime_providers:
        choice = " --backend onnxruntime" if has_openvino else ""  # alone it is the default
        found.append(Recommendation("ONNX Runtime on the CPU", f"{run}{choice}"))
    if computer.litert:
        found.append(Recommendation("LiteRT on the CPU", f"{run} --model MODEL.tflite"))
    return found


def _run(computer: Computer) -> str:
    """The live view where it can be shown and there is something to show, else a file."""
    if not computer.views:
        return "sdfl track FILE"
    return "sdfl demo" if computer.cameras or computer.sample else "sdfl demo --source FILE"
