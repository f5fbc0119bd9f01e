"""A training recipe: TOML in, checked dataclasses out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sdfl.config import read_table
from sdfl.errors import ConfigError, shown
from sdfl.model.landmarks.losses import LossConfig
from sdfl.model.landmarks.network import ModelConfig
from sdfl.model.quantize import DEFAULT_FLOAT_LAYERS
from sdfl.train.data.augmentation import AugmentConfig
from sdfl.train.loop_config import LoopConfig, OptimizerConfig, require, require_warmup

R = TypeVar("R")
BALANCES = ("draw", "repeat")


@dataclass(frozen=True)
class About:
    """What an exported model says of itself.

    Attributes:
        name: what it is called.
        training_data: in words.
        licence: the terms of its use, in words.
    """

    name: str
    training_data: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Holdout:
    """The pictures that are kept for validation.

    Attributes:
        folder: one of `data.train`.
        every: each `every`-th picture by sorted name, 0 for none.
    """

    folder: str = ""
    every: int = 0


@dataclass(frozen=True)
class DataConfig:
    """The pictures of a training.

    Attributes:
        train: folders below --data. "wflw:train" and the like name the training split of a dataset in its official
            files, and a name that ends in .txt, .csv or .json is a file of `load_labels`.
        holdout: what is kept for validation.
        shares: how often a picture of an entry of `train` is drawn, against those of entries that are not named here.
        balance_bins: pose bins of Pose-based Data Balancing (PDB), 0 turns it off.
        balance: "draw" shows as many pictures in an epoch as there are and draws rare poses more often; "repeat" shows
            every picture and copies those of rare poses, which makes an epoch longer (Feng et al.; released code).
        balance_max_repeat: how many times as often as the commonest pose a rare one is shown at most.
        no_face: share of crops without a face.
        workers: processes that load pictures.
        cache_gib: memory for decoded pictures, of every such process.

    Raises:
        ConfigError: names the key that is wrong.
    """

    train: tuple[str, ...]
    holdout: Holdout = field(default_factory=Holdout)
    shares: dict[str, float] = field(default_factory=dict, hash=False)
    balance_bins: int = 9
    balance: str = "draw"
    balance_max_repeat: float = 4.0
    no_face: float = 0.1
    workers: int = 1
    cache_gib: float = 2.0

    def __post_init__(self) -> None:
        require(len(self.train) > 0, "data.train must name at least one folder")
        for name, share in self.shares.items():
            require(name in self.train, f"data.shares: {shown(name)} must be an entry of data.train")
            require(share > 0, f"data.shares: {shown(name)} must be positive, got {share}")
        require(0 <= self.no_face < 1, f"data.no_face must lie in 0..1, got {self.no_face}")
        require(self.workers >= 0, f"data.workers must not be negative, got {self.workers}")
        require(
            self.balance_max_repeat >= 1, f"data.balance_max_repeat must be at least 1, got {self.balance_max_repeat}"
        )
        require(self.balance in BALANCES, f"data.balance must be {' or '.join(BALANCES)}, got {shown(self.balance)}")
        require(self.balance_bins >= 0, f"data.balance_bins must not be negative, got {self.balance_bins}")


@dataclass(frozen=True)
class TrainConfig(LoopConfig):
    """The loop's settings for a landmark network.

    Attributes:
        imagenet: weights to start the backbone from, a file below --data; "" starts from scratch.
    """

    imagenet: str = ""


@dataclass(frozen=True)
class QuantizeConfig:
    """What makes a recipe one for quantization-aware fine-tuning.

    Attributes:
        images: training pictures that the first ranges are calibrated on.
        float_layers: layers that stay float.

    Raises:
        ConfigError: names the key that is wrong.
    """

    images: int = 256
    float_layers: tuple[str, ...] = DEFAULT_FLOAT_LAYERS

    def __post_init__(self) -> None:
        require(self.images > 0, f"quantize.images must be positive, got {self.images}")


@dataclass(frozen=True)
class Recipe:
    """Everything that a training of a landmark network depends on.

    Attributes:
        about: what the exported model says of itself.
        data: the pictures.
        model: shape of the network.
        augment: how crops are varied.
        loss: which one, and weights of its terms.
        optimizer: the optimizer and its schedule.
        train: the loop.
        quantize: makes this a recipe for quantization-aware fine-tuning; [model] then comes with the checkpoint.

    Raises:
        ConfigError: sections contradict each other.
    """

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
            require(
                self.train.precision == "32-true",
                f"train.precision must be 32-true with [quantize], got {shown(self.train.precision)}",
            )

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return asdict(self)


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe of a landmark network.

    Args:
        path: the TOML file.
        overrides: `section.key=value` each. Other pictures in `data.train` replace the `data.shares` as well.

    Raises:
        ConfigError: names the file and the key.
    """
    replaced = {override.partition("=")[0].strip() for override in overrides}
    if "data.train" in replaced and "data.shares" not in replaced:
        overrides = (*overrides, "data.shares={}")
    return read_recipe(Recipe, path, overrides)


def read_recipe(kind: type[R], path: Path, overrides: Sequence[str]) -> R:
    """Read a recipe of any kind.

    Args:
        kind: its dataclass.
        path: the TOML file.
        overrides: `section.key=value` each.

    Raises:
        ConfigError: names the file and the key.
    """
    return read_table(kind, path, overrides)


def find_recipe(name: Path) -> Path:
    """Find a recipe's file.

    Args:
        name: a path, or the name of a recipe in the package.

    Raises:
        ConfigError: lists the recipes of the package.
    """
    if name.is_file():
        return name
    shipped = {path.stem: path for path in sorted((Path(__file__).parent / "recipes").glob("*.toml"))}
    if name.stem in shipped and len(name.parts) == 1:
        return shipped[name.stem]
    raise ConfigError(f"{name}: no such recipe; give a .toml file or one of {', '.join(shipped)}")
