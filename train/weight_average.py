"""Exponential moving average of a network's weights."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)


class WeightAverage:
    """Exponential moving average of a network's weights.

    The decay grows from 0 with the steps taken, so that a short training is not held back by its start.

    Attributes:
        decay: of the average, 0 keeps the newest weights.
        steps: how many it has seen.
        state: the averaged state dict; tensors that are not floating point are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state: dict[str, Tensor] = {key: value.detach().clone() for key, value in network.state_dict().items()}

    def to(self, device: torch.device) -> None:
        """Move the average to a device."""
        self.state = {key: value.to(device) for key, value in self.state.items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the network's weights after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for key, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)

    def network(self, like: N) -> N:
        """A copy of `like` with the averaged weights, ready to predict."""
        averaged = copy.deepcopy(like)
        averaged.load_state_dict(self.state)
        return averaged.eval()
