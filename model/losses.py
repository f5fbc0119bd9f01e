"""Losses of the paper (section III.D) in px of a 256 px crop, whatever the network's input size.

The paper sums over landmarks; here, as in the released code, every term is the mean over coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sdfl.model.head import HeadOutput

LOSS_CROP_PX = 256.0


@dataclass(frozen=True)
class LossConfig:
    """omega_1, omega_2, epsilon: Soft Wing (eq. 9). relative: weight lambda of the relative location loss (eq. 10).

    presence, log_scale: weights of the terms that train these two outputs.
    """

    omega_1: float = 2.0
    omega_2: float = 20.0
    epsilon: float = 0.5
    relative: float = 1.0
    presence: float = 1.0
    log_scale: float = 0.1


def soft_wing(error: Tensor, config: LossConfig) -> Tensor:
    """Soft Wing of each element of `error` (eq. 9): |x| below omega_1, omega_2 ln(1 + |x| / epsilon) + B above."""
    size = error.abs()
    constant = config.omega_1 - config.omega_2 * math.log1p(config.omega_1 / config.epsilon)
    return torch.where(size < config.omega_1, size, config.omega_2 * torch.log1p(size / config.epsilon) + constant)


def laplacian(neighbours: Tensor) -> Tensor:
    """neighbours: (N, K), column 0 the node itself. Returns the uniform Laplacian L (N, N) of eq. 7."""
    count = len(neighbours)
    matrix = torch.eye(count, device=neighbours.device)
    others = neighbours[:, 1:].long()
    return matrix.scatter_add(1, others, torch.full(others.shape, -1.0 / others.shape[1], device=matrix.device))


def landmark_losses(
    output: HeadOutput, points: Tensor, has_face: Tensor, neighbours: Tensor, config: LossConfig
) -> dict[str, Tensor]:
    """points: (B, N, 2), 0..1 of the crop's side. has_face: (B,) bool; landmark terms skip the others.

    Returns the weighted terms by name; their sum is the loss to minimise.
    """
    error = (output.points - points) * LOSS_CROP_PX
    relative = laplacian(neighbours) @ error  # L P' - L P = L (P' - P), eq. 8
    distance = error.detach().norm(dim=-1) / LOSS_CROP_PX
    # Negative log-likelihood of an exponential law of the distance; it trains the reported scale, not the points.
    likelihood = distance * torch.exp(-output.log_scale) + output.log_scale
    weight = has_face.float() / has_face.sum().clamp(min=1)
    return {
        "soft_wing": (soft_wing(error, config).mean(dim=(1, 2)) * weight).sum(),
        "relative": config.relative * (soft_wing(relative, config).mean(dim=(1, 2)) * weight).sum(),
        "log_scale": config.log_scale * (likelihood.mean(dim=1) * weight).sum(),
        "presence": config.presence * F.binary_cross_entropy_with_logits(output.presence_logit, has_face.float()),
    }
