"""A recipe of the face detector: TOML with a [detector] section in, checked dataclasses out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdfl.config import read_toml
from sdfl.errors import ConfigError
from sdfl.model.detector.losses import DetectorLossConfig
from sdfl.model.detector.network import DetectorConfig
from sdfl.train.data.canvas import ComposeConfig
from sdfl.train.loop_config import LoopConfig, OptimizerConfig, require_warmup
from sdfl.train.recipe import About, read_recipe

SECTION = "detector"  # what tells a detector's recipe from a landmark network's


@dataclass(frozen=True)
class Folder:
    """Labelled pictures.

    Attributes:
        path: of a folder with .pts files or of a list, below --data.
        share: how often one of its pictures is drawn, against those of the others.
        every: each `every`-th picture by sorted name is held out, 0 for none.
        last: so many of the last pictures are held out instead, 0 for none.

    Raises:
        ConfigError: both `every` and `last` are given, or a number is negative.
    """

    path: str
    share: float = 1.0
    every: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        if min(self.share, self.every, self.last) < 0 or (self.every and self.last):
            raise ConfigError(
                f"data.folders: {self.path}: share, every and last must not be negative, and only one of every "
                f"({self.every}) and last ({self.last}) may hold out pictures; set the other to 0"
            )


@dataclass(frozen=True)
class FacesConfig:
    """The pictures that training pictures are composed from.

    Attributes:
        folders: of labelled pictures.
        teacher: a YuNet file below --data that marks further, unlabelled faces; "" where there are none.
        workers: processes that compose pictures.
    """

    folders: tuple[Folder, ...]
    teacher: str = "models/yunet_n_640_640.onnx"
    workers: int = 1


@dataclass(frozen=True)
class DetectorTrainConfig(LoopConfig):
    """The loop's settings for the detector.

    Attributes:
        pictures: composed ones of an epoch.
    """

    epochs: int = 30
    average_decay: float = 0.998
    pictures: int = 3200

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size > self.pictures:
            raise ConfigError(
                f"train.batch_size must lie in 2..train.pictures ({self.pictures}), got {self.batch_size}"
            )


@dataclass(frozen=True)
class DetectorRecipe:
    """Everything that a training of the detector depends on.

    Attributes:
        about: what the exported detector says of itself.
        data: the pictures.
        detector: shape of the network.
        compose: how pictures are composed.
        loss: weights of its terms.
        optimizer: the optimizer and its schedule.
        train: the loop.
    """

    about: About
    data: FacesConfig
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    compose: ComposeConfig = field(default_factory=ComposeConfig)
    loss: DetectorLossConfig = field(default_factory=DetectorLossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    train: DetectorTrainConfig = field(default_factory=DetectorTrainConfig)

    def __post_init__(self) -> None:
        require_warmup(self.optimizer, self.train.epochs)

    def as_dict(self) -> dict[str, Any]:
        """Plain containers, for a checkpoint."""
        return asdict(self)


def is_detector_recipe(path: Path) -> bool:
    """Whether the file has a [detector] section."""
    return SECTION in read_toml(path)


def load_detector_recipe(path: Path, overrides: Sequence[str] = ()) -> DetectorRecipe:
    """Read a recipe of the detector.

    Args:
        path: the TOML file.
        overrides: `section.key=value` each.

    Raises:
        ConfigError: names the file and the key.
    """
    return read_recipe(DetectorRecipe, path, overrides)
