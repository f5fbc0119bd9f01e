"""What OpenVINO makes of an int8 file: finer steps behind a ReLU, and the picture read as it lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from sdfl.convert.post_training_quantization import calibration_crops
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.runtime.backends.openvino.unsigned_int8 import use_unsigned
from sdfl.runtime.zoo import resolve_model

STEP = np.float32(0.02)
GEOMETRY = ([1, 1], [0, 0], [0, 0], [1, 1])  # strides, padding before and after, dilations


def rounded(*, relu: bool, two_readers: bool = False, reader: Callable[[Any], Any] | None = None) -> openvino.Model:
    """x, perhaps behind a ReLU, to int8 and back, as the ONNX reader writes it; `reader` reads it."""
    low, high = (ops.constant(np.float32(level) * STEP) for level in (-128, 127))
    x = ops.parameter([4], np.float32) if reader is None else ops.parameter([1, 4, 2, 2], np.float32)
    value = ops.relu(x) if relu else x
    levels = ops.fake_quantize(value, low, high, ops.constant(np.float32(-128)), ops.constant(np.float32(127)), 256)
    back = ops.multiply(ops.convert(ops.convert(levels, "i8"), "f32"), ops.constant(STEP))
    end = back if reader is None else reader(back)
    return openvino.Model([end, levels] if two_readers else [end], [x])


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        pytest.param({"relu": True}, 1, id="behind a ReLU"),
        pytest.param({"relu": False}, 0, id="signed values stay int8"),
        pytest.param({"relu": True, "two_readers": True}, 0, id="the int8 numbers are read elsewhere"),
    ],
)
def test_only_values_behind_a_relu_become_unsigned(options: dict[str, Any], changed: int) -> None:
    assert use_unsigned(rounded(**options), arm=False) == changed


def convolved(value: Any) -> Any:
    return ops.convolution(value, ops.constant(np.ones((4, 4, 1, 1), np.float32)), *GEOMETRY)


def convolved_by_channel(value: Any) -> Any:
    return ops.group_convolution(value, ops.constant(np.ones((4, 1, 1, 1, 1), np.float32)), *GEOMETRY)


@pytest.mark.parametrize(
    ("reader", "on_arm", "changed"),
    [
        pytest.param(convolved_by_channel, True, 1, id="depthwise, on Arm"),
        pytest.param(convolved, True, 0, id="convolution, on Arm: would run in a slow reference implementation"),
        pytest.param(convolved, False, 1, id="convolution, elsewhere"),
    ],
)
def test_on_arm_only_what_a_depthwise_convolution_reads(
    reader: Callable[[Any], Any], on_arm: bool, changed: int
) -> None:
    assert use_unsigned(rounded(relu=True, reader=reader), arm=on_arm) == changed


def test_the_range_stays_and_the_steps_halve() -> None:
    x = np.array([-1.0, 0.511, 2.0, 9.0], np.float32)
    model = rounded(relu=True)
    use_unsigned(model, arm=False)
    y = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(x)[0]
    assert (y[0], y[3]) == (0, pytest.approx(127 * STEP))
    assert np.abs(y[1:3] - x[1:3]).max() <= 127 * STEP / 255 / 2 + 1e-6


@pytest.mark.data
def test_it_is_nearer_to_the_float_network(data_dir: Path) -> None:
    """The shipped file in both runtimes against its fp32 original; OpenVINO's points lie a fifth nearer."""
    exact = OnnxRuntimeBackend(resolve_model("small"))
    int8 = resolve_model("small_int8")
    crops = calibration_crops(data_dir / "300w" / "afw", exact.spec.input_size, 40)
    wanted = exact.infer(crops).points
    openvino_px, onnxruntime_px = (
        np.linalg.norm(backend.infer(crops).points - wanted, axis=-1).mean()
        for backend in (OpenVinoBackend(int8, precision="f32"), OnnxRuntimeBackend(int8))
    )
    assert 0 < openvino_px < 0.95 * onnxruntime_px


def test_no_copy_stands_before_the_first_convolution(exported: Path) -> None:
    """The picture's bytes are rounded where they lie; a transposition or a reordering costs 3 % of a 256 px network."""
    (request,) = OpenVinoBackend(exported, precision="f32")._network._requests.values()
    compiled = request.get_compiled_model()
    nodes = compiled.get_runtime_model().get_ordered_ops()
    kinds = [str(node.get_rt_info()["layerType"].value) for node in nodes]
    names = [node.get_friendly_name() for node in nodes[: kinds.index("Convolution")]]
    copies = [
        name
        for name, kind in zip(names, kinds, strict=False)
        if kind in ("Transpose", "Reorder") and not name.endswith("_fake")  # OpenVINO's mark of one that moves nothing
    ]
    assert copies == []
