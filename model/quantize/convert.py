"""From fake quantization to int8: weights become int8 numbers, roundings become quantize and dequantize."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.ao.quantization.fx._decomposed  # registers torch.ops.quantized_decomposed, which exporters know
import torch.nn.functional as F
from torch import Tensor, nn

from sdfl.model.quantize.fake_quantization import (
    HIGHEST,
    HIGHEST_WEIGHT,
    LOWEST,
    FakeQuant,
    QuantConv2d,
    QuantLinear,
    weight_scale,
)

_INT8 = torch.int8
N = TypeVar("N", bound=nn.Module)


class Rounding(nn.Module):
    """Quantize and dequantize with a constant scale. x: any shape, float."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Round x to the 256 levels of int8 and back."""
        ops = torch.ops.quantized_decomposed
        levels = ops.quantize_per_tensor(x, self.scale, 0, LOWEST, HIGHEST, _INT8)
        y: Tensor = ops.dequantize_per_tensor(levels, self.scale, 0, LOWEST, HIGHEST, _INT8)
        return y


class _Int8Weight(nn.Module):
    """weight: int8, with `scale` along `axis`."""

    weight: Tensor
    scale: Tensor
    zero_point: Tensor

    def __init__(self, weight: Tensor, axis: int, bias: Tensor | None, rounding: nn.Module) -> None:
        """weight: (out, ...) float; `axis` 1 stores it transposed, as a MatMul's right side."""
        super().__init__()
        scale = weight_scale(weight)
        levels = (
            (weight.detach() / scale.view(-1, *[1] * (weight.ndim - 1))).round().clamp(-HIGHEST_WEIGHT, HIGHEST_WEIGHT)
        )
        self.register_buffer("weight", (levels.T if axis else levels).contiguous().to(_INT8))
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", torch.zeros(len(scale), dtype=torch.int64))
        self.axis, self.bias, self.rounding = axis, None if bias is None else nn.Parameter(bias.detach()), rounding

    def dequantized(self) -> Tensor:
        weight: Tensor = torch.ops.quantized_decomposed.dequantize_per_channel(
            self.weight, self.scale, self.zero_point, self.axis, -HIGHEST_WEIGHT, HIGHEST_WEIGHT, _INT8
        )
        return weight


class Int8Conv2d(_Int8Weight):
    """A convolution whose weights are stored as int8."""

    def __init__(self, conv: QuantConv2d) -> None:
        super().__init__(conv.weight, 0, conv.bias, _rounding(conv.input))
        self.stride, self.padding, self.dilation, self.groups = conv.stride, conv.padding, conv.dilation, conv.groups

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W), float. Returns what the int8 convolution gives, in float."""
        weight = self.dequantized()
        return F.conv2d(self.rounding(x), weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Int8Linear(_Int8Weight):
    """A linear layer whose weights are stored as int8, transposed as a MatMul reads them."""

    def __init__(self, linear: QuantLinear) -> None:
        super().__init__(linear.weight, 1, linear.bias, _rounding(linear.input))

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., C), float. Returns what the int8 product gives, in float."""
        y = torch.matmul(self.rounding(x), self.dequantized())
        return y if self.bias is None else y + self.bias


def _rounding(quantizer: FakeQuant | None) -> nn.Module:
    return nn.Identity() if quantizer is None else Rounding(float(quantizer.step().detach()))


def convert(network: N) -> N:
    """A copy of a calibrated network whose weights are int8; it computes the same numbers."""
    converted = copy.deepcopy(network).eval()
    for name, module in list(converted.named_modules()):
        if isinstance(module, QuantConv2d):
            converted.set_submodule(name, Int8Conv2d(module))
        elif isinstance(module, QuantLinear):
            converted.set_submodule(name, Int8Linear(module))
        elif isinstance(module, FakeQuant) and _exists(converted, name):
            converted.set_submodule(name, Rounding(float(module.step().detach())))
    return converted


def _exists(network: nn.Module, name: str) -> bool:
    """Whether `name` is still there: the input of a layer left together with it."""
    try:
        return isinstance(network.get_submodule(name), FakeQuant)
    except AttributeError:
        return False
