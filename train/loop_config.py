"""What the training loop needs of a recipe: epochs, optimizer and schedule."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from sdfl.errors import ConfigError, shown

AUTO = "auto"  # what the device that trains computes fastest
PRECISIONS = (AUTO, "32-true", "bf16-mixed", "16-mixed")  # all others as Lightning Fabric names them


def require(condition: bool, message: str) -> None:
    """Check a value of a recipe.

    Raises:
        ConfigError: with the message, where the condition does not hold.
    """
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer and its schedule.

    Attributes:
        name: "adamw" or "sgd".
        learning_rate: after warming up.
        weight_decay: of the optimizer.
        momentum: of SGD.
        schedule: "cosine" to zero, or "step": times step_factor every step_epochs.
        warmup_epochs: over which the learning rate rises from zero.
        step_epochs: of the schedule "step".
        step_factor: of the schedule "step".
        milestones: epochs after which the schedule "step" multiplies, in place of step_epochs.
        clip_norm: gradients with a larger norm are scaled down to it, 0 for none.

    Raises:
        ConfigError: names the key that is wrong.
    """

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: str = "cosine"
    warmup_epochs: int = 2
    step_epochs: int = 100
    step_factor: float = 0.2
    milestones: tuple[int, ...] = ()
    clip_norm: float = 100.0

    def __post_init__(self) -> None:
        require(self.name in ("adamw", "sgd"), f"optimizer.name must be adamw or sgd, got {shown(self.name)}")
        require(
            self.schedule in ("cosine", "step"),
            f"optimizer.schedule must be cosine or step, got {shown(self.schedule)}",
        )
        require(self.learning_rate > 0, f"optimizer.learning_rate must be positive, got {self.learning_rate}")
        require(self.step_epochs > 0, f"optimizer.step_epochs must be positive, got {self.step_epochs}")
        require(
            all(a < b for a, b in pairwise((0, *self.milestones))),
            f"optimizer.milestones must rise from 1, got {list(self.milestones)}",
        )
        require(self.clip_norm >= 0, f"optimizer.clip_norm must not be negative, got {self.clip_norm}")


@dataclass(frozen=True)
class LoopConfig:
    """How long and in which steps a network is trained.

    Attributes:
        epochs: how often the pictures are gone through.
        batch_size: pictures of one process and one step.
        precision: one of PRECISIONS.
        average_decay: of the moving average of the weights, 0 turns it off.
        seed: of the first weights and of what is drawn by chance.
        validate_every: epochs from one validation to the next; the last epoch has one, too.
        accumulate: batches whose gradients are added up to one step.
    """

    epochs: int = 100
    batch_size: int = 32
    precision: str = AUTO
    average_decay: float = 0.999
    seed: int = 0
    validate_every: int = 5
    accumulate: int = 1

    def __post_init__(self) -> None:
        precision = shown(self.precision)
        require(self.precision in PRECISIONS, f"train.precision must be one of {PRECISIONS}, got {precision}")
        require(self.epochs > 0, f"train.epochs must be positive, got {self.epochs}")
        require(
            self.batch_size > 1, f"train.batch_size must be at least 2 (batch normalisation), got {self.batch_size}"
        )
        require(0 <= self.average_decay < 1, f"train.average_decay must lie in 0..1, got {self.average_decay}")
        require(self.accumulate > 0, f"train.accumulate must be positive, got {self.accumulate}")
        require(self.validate_every > 0, f"train.validate_every must be positive, got {self.validate_every}")


def require_warmup(optimizer: OptimizerConfig, epochs: int) -> None:
    """Check that a training is longer than its warming up.

    Args:
        optimizer: holds the epochs of the warming up.
        epochs: of the training.

    Raises:
        ConfigError: it is not.
    """
    warmup = optimizer.warmup_epochs
    require(0 <= warmup < epochs, f"optimizer.warmup_epochs ({warmup}) must be smaller than train.epochs ({epochs})")


class LoopRecipe(Protocol):
    """What the training loop needs of a recipe; recipes are dataclasses."""

    @property
    def optimizer(self) -> OptimizerConfig:
        """Of the section [optimizer]."""
        ...

    @property
    def train(self) -> LoopConfig:
        """Of the section [train]."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        ...
