"""Losses of the paper (section III.D) in px of a 256 px crop, whatever the network's input size.

The paper sums over landmarks; here, as in the released code, every term is the mean over coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sdfl.errors import ConfigError, shown
from sdfl.geometry import REFERENCE_CROP_PX
from sdfl.model.landmarks.graph_head import HeadOutput
from sdfl.model.landmarks.landmark_graph import is_edge


@dataclass(frozen=True)
class LossConfig:
    """Parameters of the losses.

    Attributes:
        absolute: the loss of the points, one of ABSOLUTE. The relative locations always have Soft Wing (eq. 10).
        omega: of Wing (eq. 11).
        omega_1: of Soft Wing (eq. 9).
        omega_2: of Soft Wing.
        epsilon: of either.
        relative: weight lambda of the relative location loss (eq. 10), 0 turns it off.
        presence: weight of the term that trains the presence.
        log_scale: weight of the term that trains the expected error.

    Raises:
        ConfigError: names the key that is wrong.
    """

    absolute: str = "soft_wing"
    omega: float = 20.0
    omega_1: float = 2.0
    omega_2: float = 20.0
    epsilon: float = 0.5
    relative: float = 1.0
    presence: float = 1.0
    log_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.absolute not in ABSOLUTE:
            raise ConfigError(f"loss.absolute must be one of {', '.join(ABSOLUTE)}, got {shown(self.absolute)}")
        for name in ("omega", "omega_1", "omega_2", "epsilon"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"loss.{name} must be positive, got {getattr(self, name)}")
        for name in ("relative", "presence", "log_scale"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"loss.{name} must not be negative, got {getattr(self, name)}")


def soft_wing(error: Tensor, config: LossConfig) -> Tensor:
    """Soft Wing (eq. 9): |x| below omega_1, omega_2 ln(1 + |x| / epsilon) + B above.

    Args:
        error: any shape.
        config: omega_1, omega_2 and epsilon.

    Returns:
        One value for each element.
    """
    size = error.abs()
    constant = config.omega_1 - config.omega_2 * math.log1p(config.omega_1 / config.epsilon)
    return torch.where(size < config.omega_1, size, config.omega_2 * torch.log1p(size / config.epsilon) + constant)


def wing(error: Tensor, config: LossConfig) -> Tensor:
    """Wing (Feng et al., CVPR 2018; eq. 11): omega ln(1 + |x| / epsilon) below omega, |x| - C above.

    Args:
        error: any shape.
        config: omega and epsilon.

    Returns:
        One value for each element.
    """
    size = error.abs()
    constant = config.omega - config.omega * math.log1p(config.omega / config.epsilon)
    return torch.where(size < config.omega, config.omega * torch.log1p(size / config.epsilon), size - constant)


def l1(error: Tensor, config: LossConfig) -> Tensor:  # noqa: ARG001
    """|x| of each element.

    Args:
        error: any shape.
        config: not used.
    """
    return error.abs()


ABSOLUTE = {"soft_wing": soft_wing, "wing": wing, "l1": l1}


def laplacian(neighbours: Tensor) -> Tensor:
    """The uniform Laplacian L of the graph (eq. 7).

    Args:
        neighbours: (N, K), column 0 the node itself, which also pads short rows.

    Returns:
        (N, N).
    """
    matrix = torch.eye(len(neighbours), device=neighbours.device)
    others, edges = neighbours[:, 1:].long(), is_edge(neighbours)[:, 1:]
    return matrix.scatter_add(1, others, -edges.float() / edges.sum(dim=1, keepdim=True))


def landmark_losses(
    output: HeadOutput, points: Tensor, has_face: Tensor, neighbours: Tensor, config: LossConfig
) -> dict[str, Tensor]:
    """The terms of a landmark network's loss.

    Args:
        output: of the network.
        points: (B, N, 2) true landmarks, 0..1 of the crop's side.
        has_face: (B,) bool; the terms of landmarks skip the other crops.
        neighbours: (N, K) of the graph.
        config: which loss, and weights.

    Returns:
        The weighted terms by name; their sum is minimised.
    """
    penalty = ABSOLUTE[config.absolute]
    error = (output.points - points) * REFERENCE_CROP_PX
    relative = laplacian(neighbours) @ error  # L P' - L P = L (P' - P), eq. 8
    distance = error.detach().norm(dim=-1) / REFERENCE_CROP_PX
    # Negative log-likelihood of an exponential law of the distance; it trains the reported scale, not the points.
    likelihood = distance * torch.exp(-output.log_scale) + output.log_scale
    weight = has_face.float() / has_face.sum().clamp(min=1)
    return {
        config.absolute: (penalty(error, config).mean(dim=(1, 2)) * weight).sum(),
        "relative": config.relative * (soft_wing(relative, config).mean(dim=(1, 2)) * weight).sum(),
        "log_scale": config.log_scale * (likelihood.mean(dim=1) * weight).sum(),
        "presence": config.presence * F.binary_cross_entropy_with_logits(output.presence_logit, has_face.float()),
    }
