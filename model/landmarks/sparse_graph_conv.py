"""`sdfl::sparse_graph_conv` version 1 in torch: the formula that every other implementation is held against.

y[b,n,c] = f( sum_k attention[b,n,k] * z[b, neighbours[n,k], c] + bias[c] ),   f(x) = x if x >= 0 else slope * x

The weighted sum is sigma(A) H W of the paper's eq. 4 with z = H W and the non-zeros of sigma(A) in `attention`.
"""

from __future__ import annotations

import torch
from torch import Tensor

OPERATOR_VERSION = 1


def sparse_graph_conv_reference(z: Tensor, attention: Tensor, neighbours: Tensor, bias: Tensor, slope: float) -> Tensor:
    """The formula in plain torch with torch's own gradients: the truth in tests.

    Args:
        z: (B, M, C).
        attention: (B, N, K).
        neighbours: (N, K) int32, 0 <= value < M.
        bias: (C,).
        slope: 1 gives a linear layer, 0 a ReLU.

    Returns:
        (B, N, C).
    """
    gathered = z[:, neighbours.long()]
    summed = (attention.unsqueeze(-1) * gathered).sum(dim=2) + bias
    return torch.where(summed >= 0, summed, slope * summed)


@torch.library.custom_op("sdfl::sparse_graph_conv", mutates_args=())
def sparse_graph_conv(z: Tensor, attention: Tensor, neighbours: Tensor, bias: Tensor, slope: float) -> Tensor:
    """The operator as one node.

    Args:
        z: (B, M, C).
        attention: (B, N, K), of z's type.
        neighbours: (N, K) int32, 0 <= value < M.
        bias: (C,), of z's type.
        slope: 1 gives a linear layer, 0 a ReLU.

    Returns:
        (B, N, C).

    Raises:
        ValueError: shapes or types do not fit, or an index is out of range.
    """
    _check(z, attention, neighbours, bias)
    if neighbours.device.type == "cpu" and neighbours.numel():  # on a device this would wait for it
        low, high = int(neighbours.min()), int(neighbours.max())
        if low < 0 or high >= z.shape[1]:
            raise ValueError(f"neighbours must lie in 0..{z.shape[1] - 1}, got {low}..{high}")
    return sparse_graph_conv_reference(z, attention, neighbours, bias, slope)


def _check(z: Tensor, attention: Tensor, neighbours: Tensor, bias: Tensor) -> None:
    shapes = f"z {tuple(z.shape)}, attention {tuple(attention.shape)}, neighbours {tuple(neighbours.shape)}"
    if z.ndim != 3 or attention.ndim != 3 or neighbours.ndim != 2:
        raise ValueError(f"z and attention must have 3 dimensions and neighbours 2, got {shapes}")
    if attention.shape[0] != z.shape[0] or attention.shape[1:] != neighbours.shape or z.shape[1] < attention.shape[1]:
        raise ValueError(f"shapes must be z (B, M >= N, C), attention (B, N, K), neighbours (N, K), got {shapes}")
    if bias.shape != z.shape[2:]:
        raise ValueError(f"bias must have shape ({z.shape[2]},), got {tuple(bias.shape)}")
    if neighbours.dtype != torch.int32:
        raise ValueError(f"neighbours must be int32, got {neighbours.dtype}")
    if not z.dtype == attention.dtype == bias.dtype or not z.is_floating_point():
        raise ValueError(
            f"z, attention and bias must share a float dtype, got {z.dtype}, {attention.dtype}, {bias.dtype}"
        )


@sparse_graph_conv.register_fake
def _(z: Tensor, attention: Tensor, neighbours: Tensor, bias: Tensor, slope: float) -> Tensor:  # noqa: ARG001
    _check(z, attention, neighbours, bias)
    return z.new_empty(attention.shape[0], attention.shape[1], z.shape[2])


def _setup_context(ctx, inputs, output) -> None:  # type: ignore[no-untyped-def]
    z, attention, neighbours, _, ctx.slope = inputs
    ctx.save_for_backward(z, attention, neighbours, output)


def _backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
    z, attention, neighbours, output = ctx.saved_tensors
    if ctx.slope == 0:
        grad = torch.where(output > 0, grad, 0)
    elif ctx.slope != 1:
        grad = torch.where((output >= 0) == (ctx.slope > 0), grad, ctx.slope * grad)
    flat = neighbours.long().flatten()
    spread = (attention.unsqueeze(-1) * grad.unsqueeze(2)).flatten(1, 2)
    grad_z = torch.zeros_like(z).index_add_(1, flat, spread)
    grad_attention = (z[:, flat].unflatten(1, neighbours.shape) * grad.unsqueeze(2)).sum(-1)
    return grad_z, grad_attention, None, grad.sum((0, 1)), None


sparse_graph_conv.register_autograd(_backward, setup_context=_setup_context)


def self_test() -> float:
    """Largest difference of the custom operator from the plain formula on generated input."""
    generator = torch.Generator().manual_seed(0)
    z, attention = (torch.randn(2, size, width, generator=generator) for size, width in ((10, 8), (5, 3)))
    neighbours = torch.randint(10, (5, 3), generator=generator, dtype=torch.int32)
    arguments = (z, attention, neighbours, torch.randn(8, generator=generator), 0.0)
    return float((sparse_graph_conv(*arguments) - sparse_graph_conv_reference(*arguments)).abs().max())
