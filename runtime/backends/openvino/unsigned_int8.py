"""Int8 in OpenVINO: activations after a ReLU use the whole range of a byte.

The model file quantizes every activation to the steps -128..127, because TensorRT wants signed bytes. After a ReLU the
negative steps are never used. OpenVINO can compute with unsigned bytes: the same range of values then has 255 steps
instead of 127, which is nearer to the float network, and neither the ReLU nor a shift by 128 has to be computed.

On Arm this is done only for what depthwise convolutions alone read; they are computed in float there. OpenVINO 2026.4
has no fast form on Arm of a convolution that takes unsigned and gives signed bytes: it runs in a reference
implementation in fp16, and where the processor has no fp16 the network does not load.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdfl.runtime.processor import on_arm

_LEVELS = 256
_DEQUANTIZATION = ("Convert", "Subtract", "Multiply")


def use_unsigned(model: Any, *, arm: bool | None = None) -> int:
    """Quantize activations after a ReLU to unsigned bytes.

    Args:
        model: an int8 network as OpenVINO reads it; changed in place.
        arm: whether only what depthwise convolutions alone read is changed; None on an Arm processor.

    Returns:
        The number of activations that were changed.
    """
    from openvino import opset13 as ops

    only_depthwise, changed = on_arm() if arm is None else arm, 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize" or node.get_levels() != _LEVELS:
            continue
        behind, highest = node.input_value(0), node.input_value(2).get_node()
        end = _dequantized(node)
        if behind.get_node().get_type_name() != "Relu" or highest.get_type_name() != "Constant" or end is None:
            continue
        if only_depthwise and not _read_by_depthwise(end):
            continue
        zero, top = ops.constant(np.float32(0)), ops.constant(np.float32(highest.data.item()))
        end.replace(ops.fake_quantize(behind, zero, top, zero, top, _LEVELS).output(0))
        changed += 1
    return changed


def _read_by_depthwise(output: Any) -> bool:
    return all(reader.get_node().get_type_name() == "GroupConvolution" for reader in output.get_target_inputs())


def _dequantized(node: Any) -> Any:
    """The dequantized output of a quantizing node, None where something else reads the quantized one too."""
    while True:
        readers = list(node.output(0).get_target_inputs())
        if len(readers) != 1 or readers[0].get_node().get_type_name() not in _DEQUANTIZATION:
            return None
        node = readers[0].get_node()
        if node.get_type_name() == "Multiply":
            return node.output(0)
