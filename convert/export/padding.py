"""Padding of EfficientNet-Lite, moved into the convolutions.

It pads more on the right and below before layers with a stride. ONNX's convolutions can do that by themselves; a `Pad`
of its own between a convolution and its input makes OpenVINO leave int8 for f32 and back.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper


def merge_padding(model: onnx.ModelProto) -> None:
    """Move the zeros of each `Pad` into the one convolution behind it, also past a symmetric rounding; in place."""
    graph = model.graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        margins = _margins(pad, stored)
        conv = _convolution_behind(pad.output[0], readers, stored)
        if margins is None or conv is None:
            continue
        attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in conv.attribute}
        if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            continue
        own = attributes.get("pads", [0, 0, 0, 0])
        for attribute in [each for each in conv.attribute if each.name == "pads"]:
            conv.attribute.remove(attribute)
        conv.attribute.append(helper.make_attribute("pads", [a + b for a, b in zip(own, margins, strict=True)]))
        (reader,) = readers[pad.output[0]]
        reader.input[0] = pad.input[0]
        graph.node.remove(pad)


def _margins(pad: onnx.NodeProto, stored: dict[str, npt.NDArray[Any]]) -> list[int] | None:
    """Top, left, bottom, right; None for a Pad with other values than 0, or of other axes than the picture's."""
    mode = next((helper.get_attribute_value(each) for each in pad.attribute if each.name == "mode"), b"constant")
    names = [*pad.input, "", ""]
    value = stored.get(names[2]) if names[2] else np.zeros(1)
    widths = stored.get(names[1])
    if mode != b"constant" or names[3] or value is None or np.any(value) or widths is None or len(widths) != 8:
        return None
    if np.any(widths[[0, 1, 4, 5]]) or np.any(widths < 0):
        return None
    return [int(width) for width in widths[[2, 3, 6, 7]]]


def _convolution_behind(
    name: str,
    readers: dict[str, list[onnx.NodeProto]],
    stored: dict[str, npt.NDArray[Any]],
) -> onnx.NodeProto | None:
    """The only reader of `name` if that is a convolution, or a rounding to bytes and back before one."""
    for kind in ("QuantizeLinear", "DequantizeLinear", "Conv"):
        if len(readers[name]) != 1:
            return None
        (node,) = readers[name]
        if node.op_type == "Conv":
            return node if node.input[0] == name else None
        zero_point = stored.get(node.input[2], np.ones(1)) if len(node.input) > 2 else np.zeros(1)
        if node.op_type != kind or np.any(zero_point):
            return None
        name = node.output[0]
    return None
