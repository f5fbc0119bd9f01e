"""Layers that compute in float what int8 will compute: symmetric, zero-point 0.

q(x) = scale * clamp(round(x / scale), -128, 127). A weight has one scale a channel, max|w| / 63, taken anew from the
weight in every forward pass; an activation has one scale, calibrated and then learned (Esser et al., Learned Step Size
Quantization, ICLR 2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOWEST, HIGHEST = -128, 127
# Processors without VNNI add two products of a u8 and an i8 in 16 bits that saturate: 2 * 255 * 63 still fits. The full
# range cost 0.13 NME points there; weights are the smaller part of the error, so that 7 bits of them are enough.
HIGHEST_WEIGHT = 63
SMALLEST_SCALE = 1e-8  # of a channel whose weights are all zero


class _Learned(torch.autograd.Function):
    """Rounds; the gradient passes through inside the range, the step gets eq. 3 of the paper.

    Few passes over memory: with torch's own learnable quantizer two fifths of a training step on a CPU were spent
    in it.
    """

    @staticmethod
    def forward(ctx, x: Tensor, step: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        y = (x * (1 / step)).round_().clamp_(LOWEST, HIGHEST).mul_(step)
        ctx.save_for_backward(x, y, step)
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[no-untyped-def]
        x, y, step = ctx.saved_tensors
        low, high = (float(step) * level for level in (LOWEST - 0.5, HIGHEST + 0.5))
        inside = torch.ops.aten.hardtanh_backward(grad, x, low, high)  # grad where x lies between, else 0
        factor = 1 / math.sqrt(x[0].numel() * HIGHEST)
        return inside, (_dot(grad, y) - _dot(inside, x)) / step * factor


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum of products; a and b of one shape. Flattens without a copy where memory is dense in either order."""
    if a.ndim == 4 and a.is_contiguous(memory_format=torch.channels_last):
        a, b = a.permute(0, 2, 3, 1), b.permute(0, 2, 3, 1)
    return torch.dot(a.reshape(-1), b.reshape(-1))


class FakeQuant(nn.Module):
    """Rounds an activation to int8 and back.

    Attributes:
        scale: the size of a step, NaN until it is calibrated; it is learned in fine-tuning.
        limit: the largest value that may pass, where a ReLU6 stood before.
        enabled: off, values pass unrounded, for comparisons.
        observer: sees the values instead of rounding them, while ranges are calibrated.
    """

    def __init__(self, limit: float = math.inf) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((), math.nan))
        self.limit = limit
        self.enabled = True
        self.observer: Callable[[Tensor], None] | None = None

    def step(self) -> Tensor:
        """The scale to compute with; the highest level stays at or below `limit`."""
        return self.scale.clamp(min=SMALLEST_SCALE, max=self.limit / HIGHEST)

    def forward(self, x: Tensor) -> Tensor:
        """Round x where the quantizer is enabled; tell the observer, if there is one, what came."""
        if self.observer is not None:
            self.observer(x)
        if self.observer is not None or not self.enabled:
            return x.clamp(max=self.limit) if self.limit < math.inf else x
        y: Tensor = _Learned.apply(x, self.step())  # type: ignore[no-untyped-call]
        return y

    def extra_repr(self) -> str:
        """The range, for `print(network)`."""
        step = float(self.step().detach())
        return f"int8, {LOWEST * step:.4g}..{HIGHEST * step:.4g}"


def weight_scale(weight: Tensor) -> Tensor:
    """The size of one int8 step of each output channel.

    Args:
        weight: (out, ...).

    Returns:
        (out,).
    """
    return weight.detach().abs().flatten(1).amax(dim=1).clamp(min=SMALLEST_SCALE * HIGHEST) / HIGHEST_WEIGHT


def _rounded(weight: Tensor) -> Tensor:
    scale = weight_scale(weight)
    zero_points = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero_points, 0, -HIGHEST_WEIGHT, HIGHEST_WEIGHT)


class QuantConv2d(nn.Conv2d):
    """A convolution with int8 weights.

    Attributes:
        input: rounds what the layer reads; None where a quantizer stands in front.
        enabled: off, weights are not rounded, for comparisons.
    """

    input: FakeQuant | None
    enabled: bool

    @classmethod
    def of(cls, conv: nn.Conv2d, *, own_input: bool) -> QuantConv2d:
        """Turn a convolution into this class; it shares the parameters.

        Args:
            conv: the convolution.
            own_input: whether the layer rounds its own input.

        Raises:
            ValueError: it pads with something else than zeros.
        """
        if conv.padding_mode != "zeros":
            raise ValueError(f"padding_mode {conv.padding_mode}")
        made = cls.__new__(cls)
        made.__dict__ = dict(conv.__dict__)
        made.enabled = True
        made.input = FakeQuant() if own_input else None
        return made

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, H, W). Returns the convolution of rounded values, where quantization is enabled."""
        if self.input is not None:
            x = self.input(x)
        weight = _rounded(self.weight) if self.enabled else self.weight
        y: Tensor = self._conv_forward(x, weight, self.bias)
        return y

    def extra_repr(self) -> str:
        """How weights are rounded, for `print(network)`."""
        return f"int8 a channel, {super().extra_repr()}"  # type: ignore[no-untyped-call]


class QuantLinear(nn.Linear):
    """A linear layer with int8 weights, one scale for each output feature.

    Attributes:
        input: rounds what the layer reads.
        enabled: off, weights are not rounded, for comparisons.
    """

    input: FakeQuant
    enabled: bool

    @classmethod
    def of(cls, linear: nn.Linear) -> QuantLinear:
        """Turn a linear layer into this class; it shares the parameters."""
        made = cls.__new__(cls)
        made.__dict__ = dict(linear.__dict__)
        made.enabled = True
        made.input = FakeQuant()
        return made

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., C). Returns the product of rounded values, where quantization is enabled."""
        weight = _rounded(self.weight) if self.enabled else self.weight
        return F.linear(self.input(x), weight, self.bias)

    def extra_repr(self) -> str:
        """How weights are rounded, for `print(network)`."""
        return f"int8 a channel, {super().extra_repr()}"


def is_quantized(network: nn.Module) -> bool:
    """Whether a network computes with fake quantization anywhere."""
    return next(quantized_layers(network), None) is not None


def quantized_layers(network: nn.Module) -> Iterator[tuple[str, FakeQuant | QuantConv2d | QuantLinear]]:
    """All layers of this file with their names, in the network's order."""
    for name, module in network.named_modules():
        if isinstance(module, FakeQuant | QuantConv2d | QuantLinear):
            yield name, module
