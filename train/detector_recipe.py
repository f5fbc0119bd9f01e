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
from sdfl.train.data.face_composition import ComposeConfig
from sdfl.train.recipe import About, LoopConfig, OptimizerConfig, read_recipe, require_warmup

SECTION = "detector"  # what tells a detector's recipe from a landmark network's


@dataclass(frozen=True)
class Folder:
    """path: a folder below --data. share: how often one of its pictures is drawn, against those of the others.

    every: each `every`-th picture by sorted name is held out, 0 for none.
    """

    path: str
    share: float = 1.0
    every: int = 0


@dataclass(frozen=True)
class FacesConfig:
    """folders: sections of `Folder`. teacher: a YuNet file below --data that marks further,
    unlabelled faces; "" where there are none."""

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
    """Everything that a training of the detector depends on."""

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
    """Read a recipe; `overrides` are `section.key=value`. Raises ConfigError naming file and key."""
    return read_recipe(DetectorRecipe, path, overrides)
