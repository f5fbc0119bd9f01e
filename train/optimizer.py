"""The optimizer of a training and its schedule."""

from __future__ import annotations

import math

import torch
from torch import nn

from sdfl.geometry import REFERENCE_CROP_PX
from sdfl.model.landmarks.graph_head import START_SCALE
from sdfl.model.landmarks.network import Network
from sdfl.train.loop_config import OptimizerConfig

OUTPUTS_OF_A_POINT = 3  # of both heads' last layers: x, y, log_scale


def learning_rate_factor(config: OptimizerConfig, epoch: float, epochs: int) -> float:
    """The share of the base learning rate at some time.

    Args:
        config: the schedule.
        epoch: the time, may be a fraction.
        epochs: of the whole training.
    """
    if epoch < config.warmup_epochs:
        return (epoch + 1e-3) / config.warmup_epochs
    if config.schedule == "step":
        drops = sum(epoch >= each for each in config.milestones) if config.milestones else epoch // config.step_epochs
        return config.step_factor ** int(drops)
    progress = (epoch - config.warmup_epochs) / (epochs - config.warmup_epochs)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def make_optimizer(config: OptimizerConfig, network: nn.Module) -> torch.optim.Optimizer:
    """Make an optimizer.

    AdamW spares biases and normalisation from weight decay; SGD decays all, as the paper's plain SGD does.

    Args:
        config: which one.
        network: whose parameters it changes.
    """
    if config.name == "sgd":
        return torch.optim.SGD(
            network.parameters(), config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )
    decayed = [p for p in network.parameters() if p.ndim > 1]
    spared = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, config.learning_rate)


@torch.no_grad()
def learn_in_pixels(network: Network, *, fresh: bool) -> None:
    """Let the last layer learn under SGD as if it gave px of a crop of 256, as the networks of the paper do.

    It gives fractions of the crop's side, while the losses are in px. A weight for fractions is that for px divided by
    256, and its gradient is 256 times as large; so that an equal step needs the gradient divided by 256 squared.
    Without that SGD moves the points 65,536 times as far as with the paper's learning rate, and diverges. Weight decay
    is the same in both units, and AdamW does not depend on the unit.

    Args:
        network: not folded. The gradients of its last layer are scaled from now on.
        fresh: whether its weights are still the first ones. The last layer's then become those of a fresh layer that
            gives px: what it adds to the mean shape at first is far below a pixel, and not some ten, which such a
            learning rate would hardly undo.
    """
    per_point = torch.tensor([REFERENCE_CROP_PX, REFERENCE_CROP_PX, 1.0]).pow(-2)
    for parameter in network.head.last.parameters():
        if fresh:
            parameter.div_(START_SCALE * REFERENCE_CROP_PX)
        rows = per_point.repeat(len(parameter) // OUTPUTS_OF_A_POINT)
        _scale_gradient(parameter, rows.view(-1, *[1] * (parameter.ndim - 1)))


def _scale_gradient(parameter: nn.Parameter, factor: torch.Tensor) -> None:
    parameter.register_hook(lambda gradient: gradient * factor.to(gradient.device))  # type: ignore[no-untyped-call]
