"""A training recipe: TOML in, checked dataclasses out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sdfl.config import build, override, read_toml
from sdfl.errors import CheckpointError, ConfigError
from sdfl.model.landmarks.losses import LossConfig
from sdfl.model.landmarks.network import ModelConfig
from sdfl.model.quantize import DEFAULT_FLOAT_LAYERS
from sdfl.train.data.augmentation import AugmentConfig

R = TypeVar("R")
PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")  # as Lightning Fabric names them


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class About:
    """What an exported model says of itself."""

    name: str
    training_data: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Holdout:
    """Every `every`-th picture of `folder` by sorted name is kept for validation; 0 keeps none."""

    folder: str = ""
    every: int = 0


@dataclass(frozen=True)
class DataConfig:
    """train: folders below --data. balance_bins: pose bins of Pose-based Data Balancing, 0 turns it off.

    balance_max_repeat: how often a rare pose is drawn at most. no_face: share of crops without a face.
    cache_gib: memory for decoded pictures, of every loading process. In `train`, "wflw:train" and the like name the
    training split of a dataset in its official files, and a name that ends in .txt a list of `load_list`.
    """

    train: tuple[str, ...]
    holdout: Holdout = field(default_factory=Holdout)
    balance_bins: int = 9
    balance_max_repeat: float = 4.0
    no_face: float = 0.1
    workers: int = 1
    cache_gib: float = 2.0

    def __post_init__(self) -> None:
        _require(len(self.train) > 0, "data.train must name at least one folder")
        _require(0 <= self.no_face < 1, f"data.no_face must lie in 0..1, got {self.no_face}")
        _require(self.workers >= 0, f"data.workers must not be negative, got {self.workers}")
        _require(
            self.balance_max_repeat >= 1, f"data.balance_max_repeat must be at least 1, got {self.balance_max_repeat}"
        )
        _require(self.balance_bins >= 0, f"data.balance_bins must not be negative, got {self.balance_bins}")


@dataclass(frozen=True)
class OptimizerConfig:
    """schedule: "cosine" to zero, or "step": times step_factor every step_epochs."""

    name: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    momentum: float = 0.9
    schedule: str = "cosine"
    warmup_epochs: int = 2
    step_epochs: int = 100
    step_factor: float = 0.2

    def __post_init__(self) -> None:
        _require(self.name in ("adamw", "sgd"), f"optimizer.name must be adamw or sgd, got {self.name!r}")
        _require(
            self.schedule in ("cosine", "step"), f"optimizer.schedule must be cosine or step, got {self.schedule!r}"
        )
        _require(self.learning_rate > 0, f"optimizer.learning_rate must be positive, got {self.learning_rate}")
        _require(self.step_epochs > 0, f"optimizer.step_epochs must be positive, got {self.step_epochs}")


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
    precision: str = "bf16-mixed"
    average_decay: float = 0.999
    seed: int = 0
    validate_every: int = 5
    accumulate: int = 1

    def __post_init__(self) -> None:
        _require(self.precision in PRECISIONS, f"train.precision must be one of {PRECISIONS}, got {self.precision!r}")
        _require(self.epochs > 0, f"train.epochs must be positive, got {self.epochs}")
        _require(
            self.batch_size > 1, f"train.batch_size must be at least 2 (batch normalisation), got {self.batch_size}"
        )
        _require(0 <= self.average_decay < 1, f"train.average_decay must lie in 0..1, got {self.average_decay}")
        _require(self.accumulate > 0, f"train.accumulate must be positive, got {self.accumulate}")
        _require(self.validate_every > 0, f"train.validate_every must be positive, got {self.validate_every}")


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """The loop's settings for a landmark network.

    Attributes:
        imagenet: weights to start the backbone from, a file below --data; "" starts from scratch.
    """

    imagenet: str = ""


@dataclass(frozen=True)
class QuantizeConfig:
    """images: training pictures that first ranges are calibrated on. float_layers: layers that stay float."""

    images: int = 256
    float_layers: tuple[str, ...] = DEFAULT_FLOAT_LAYERS

    def __post_init__(self) -> None:
        _require(self.images > 0, f"quantize.images must be positive, got {self.images}")


def require_warmup(optimizer: OptimizerConfig, epochs: int) -> None:
    warmup = optimizer.warmup_epochs
    _require(0 <= warmup < epochs, f"optimizer.warmup_epochs ({warmup}) must be smaller than train.epochs ({epochs})")


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


@dataclass(frozen=True)
class Recipe:
    """quantize: makes this a recipe for quantization-aware fine-tuning; the [model] then comes with the checkpoint."""

    about: About
    data: DataConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    quantize: QuantizeConfig | None = None

    def __post_init__(self) -> None:
        require_warmup(self.optimizer, self.train.epochs)
        if self.quantize is not None:  # steps of a rounding are learned from small differences of large sums
            _require(
                self.train.precision == "32-true",
                f"train.precision must be 32-true with [quantize], got {self.train.precision!r}",
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return asdict(self)


FREE = ("about", "data.workers", "data.cache_gib", "train.validate_every")  # change nothing that is computed


def same_recipe(path: Path, stored: Mapping[str, Any], recipe: LoopRecipe) -> None:
    """Check that a checkpoint was trained with a recipe.

    Args:
        path: the checkpoint.
        stored: the recipe in it.
        recipe: what it should be. Keys that the stored one lacks may have any value.

    Raises:
        CheckpointError: names the keys with other values.
    """
    changed = changed_keys(stored, recipe)
    if changed:
        raise CheckpointError(
            f"{path}: was trained with other values of {', '.join(changed)}; give the same --set options, or choose "
            "another --out"
        )


def changed_keys(stored: Mapping[str, Any], recipe: LoopRecipe) -> list[str]:
    """The keys that a stored recipe has other values of, but for those in FREE.

    A recipe for quantization takes its [model] from elsewhere, so that this section is free as well.
    """
    free = (*FREE, "model") if getattr(recipe, "quantize", None) else FREE
    now = json.loads(json.dumps(recipe.as_dict()))
    return [name for name in _changed(stored, now) if not name.startswith(free)]


def _changed(stored: Any, now: Any, name: str = "") -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(now, Mapping):
        for key, value in stored.items():
            yield from _changed(value, now.get(key), f"{name}.{key}" if name else key)
    elif json.loads(json.dumps(stored)) != now:
        yield name


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `section.key=value`. Raises ConfigError naming file and key."""
    return read_recipe(Recipe, path, overrides)


def read_recipe(kind: type[R], path: Path, overrides: Sequence[str]) -> R:
    """A recipe of any `kind` of dataclass."""
    table = read_toml(path)
    override(table, overrides)
    try:
        return build(kind, table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def find_recipe(name: Path) -> Path:
    """A recipe's file: the path itself, or a name in the package. Raises ConfigError that lists the choices."""
    if name.is_file():
        return name
    shipped = {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.toml"))}
    if name.stem in shipped and len(name.parts) == 1:
        return shipped[name.stem]
    raise ConfigError(f"{name}: no such recipe; give a .toml file or one of {', '.join(shipped)}")
