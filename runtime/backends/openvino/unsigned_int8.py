"""Int8 in OpenVINO: values behind a ReLU use all of a byte.

The file rounds every activation to -128..127 steps, as TensorRT wants it; behind a ReLU the lower half is never used.
OpenVINO computes with unsigned bytes there. Told so, it rounds the same range to 255 steps instead of 127, nearer to
the float network, and needs neither the ReLU nor a shift by 128 of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_LEVELS = 256
_DEQUANTIZATION = ("Convert", "Subtract", "Multiply")


def use_unsigned(model: Any) -> int:
    """Change `model`, an int8 network as OpenVINO reads it, in place; returns the number of values concerned."""
    from openvino import opset13 as ops

    changed = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "FakeQuantize" or node.get_levels() != _LEVELS:
            continue
        behind, highest = node.input_value(0), node.input_value(2).get_node()
        end = _dequantized(node)
        if behind.get_node().get_type_name() != "Relu" or highest.get_type_name() != "Constant" or end is None:
            continue
        zero, top = ops.constant(np.float32(0)), ops.constant(np.float32(highest.data.item()))
        end.replace(ops.fake_quantize(behind, zero, top, zero, top, _LEVELS).output(0))
        changed += 1
    return changed


def _dequantized(node: Any) -> Any:
    """The value that the numbers of `node` stand for, None where something else reads them too."""
    while True:
        readers = list(node.output(0).get_target_inputs())
        if len(readers) != 1 or readers[0].get_node().get_type_name() not in _DEQUANTIZATION:
            return None
        node = readers[0].get_node()
        if node.get_type_name() == "Multiply":
            return node.output(0)
