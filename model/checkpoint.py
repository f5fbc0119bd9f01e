"""Checkpoints: one file with a network's shape, its weights, and whatever a training needs to go on.

A checkpoint holds a landmark network or the face detector, in float or with fake quantization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sdfl.config import build
from sdfl.errors import CheckpointError, ConfigError
from sdfl.files import atomic_path
from sdfl.model.checkpoint_file import FORMAT, read_content
from sdfl.model.detector.network import DetectorConfig, FaceDetector
from sdfl.model.fold import fold
from sdfl.model.landmarks.landmark_graph import LandmarkGraph
from sdfl.model.landmarks.network import ModelConfig, Network
from sdfl.model.landmarks.torch_backend import TorchBackend
from sdfl.model.quantize import prepare

DETECTOR = "detector"  # the entry "kind" of a detector's checkpoint; a landmark network's has none
Weights = Mapping[str, Tensor]
N = TypeVar("N", Network, FaceDetector)


@dataclass(frozen=True, eq=False)
class TrainingState:
    """What `--resume` needs beside the network's weights.

    Attributes:
        weights: of the network that is trained; `Checkpoint` itself gives the moving average of them.
        average: the moving average of the weights.
        average_steps: how many steps the average has seen.
        optimizer: the optimizer's state dict.
        step: batches that are done of the epoch after the last complete one.
    """

    weights: Weights
    average: dict[str, Tensor]
    average_steps: int
    optimizer: dict[str, Any]
    step: int = 0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The content of a checkpoint file; `read_checkpoint` reads it once for everything that is made of it.

    Attributes:
        path: where it was read.
        model: the network's configuration as plain containers.
        weights: the weights to deploy: the moving average where there is one.
        is_detector: whether it holds the face detector instead of a landmark network.
        quantization: {"method": "ptq" or "qat", "float_layers": [...]} of an int8 network, else None.
        recipe: the recipe that it was trained with, as plain containers; may be empty.
        epoch: how many epochs are complete.
        validation: what the last validation measured; may be empty.
        training: what a training continues from, None where the file holds weights only.
    """

    path: Path
    model: Mapping[str, Any]
    weights: Weights = field(repr=False)
    is_detector: bool = False
    quantization: Mapping[str, Any] | None = None
    recipe: Mapping[str, Any] = field(default_factory=dict, repr=False)
    epoch: int = 0
    validation: Mapping[str, Any] = field(default_factory=dict)
    training: TrainingState | None = field(default=None, repr=False)

    @property
    def is_quantized(self) -> bool:
        """Whether it holds an int8 network."""
        return self.quantization is not None

    @property
    def about(self) -> Mapping[str, Any]:
        """The recipe's section [about]: name, training_data, licence; may be empty."""
        about: Mapping[str, Any] = self.recipe.get("about", {})
        return about

    @cached_property
    def config(self) -> ModelConfig | DetectorConfig:
        """The network's configuration.

        Raises:
            CheckpointError: the file states one that this version does not know.
        """
        try:
            if self.is_detector:
                return build(DetectorConfig, self.model, "detector.")
            return build(ModelConfig, self.model, "model.")
        except ConfigError as error:
            raise CheckpointError(f"{self.path}: {error}") from error

    def require_float(self) -> None:
        """Check that the network can be quantized.

        Raises:
            CheckpointError: it is an int8 network already.
        """
        if self.is_quantized:
            raise CheckpointError(f"{self.path}: is already quantized; start from the fp32 checkpoint")

    def landmark_network(self) -> Network:
        """Build the landmark network with the weights to deploy.

        Returns:
            A float network as it was trained; an int8 one folded, with fake quantization.

        Raises:
            CheckpointError: the file holds a detector, or weights that do not fit its own configuration.
        """
        config = self.config
        if not isinstance(config, ModelConfig):
            raise CheckpointError(f"{self.path}: is a {DETECTOR}, not a landmark network")

        def make() -> Network:
            graph = LandmarkGraph(
                self.weights["head.neighbours"], self.weights["head.mean_shape"], self.weights.get("head.nearest")
            )
            return Network(config, graph)

        return self._filled(make)

    def detector(self) -> FaceDetector:
        """Build the face detector with the weights to deploy.

        Returns:
            A float network as it was trained; an int8 one folded, with fake quantization.

        Raises:
            CheckpointError: the file holds a landmark network, or weights that do not fit its own configuration.
        """
        config = self.config
        if not isinstance(config, DetectorConfig):
            raise CheckpointError(f"{self.path}: is no face detector")
        return self._filled(lambda: FaceDetector(config))

    def backend(self, device: str = "cpu") -> TorchBackend:
        """Open the landmark network in torch.

        Raises:
            CheckpointError: as for `landmark_network`.
        """
        return TorchBackend(self.landmark_network(), self.path.stem, device)

    def _filled(self, make: Callable[[], N]) -> N:
        """What `make` makes, prepared for int8 where the checkpoint is, with the weights to deploy."""
        try:
            network = make()
            if self.quantization is not None:
                network = prepare(fold(network), self.quantization["float_layers"])
        except ConfigError as error:
            raise CheckpointError(f"{self.path}: {error}") from error
        except KeyError as error:
            raise CheckpointError(f"{self.path}: its weights lack {error}") from error
        except (
            RuntimeError,
            ValueError,
            TypeError,
            IndexError,
        ) as error:  # of torch, for other shapes
            raise CheckpointError(f"{self.path}: its entries 'model' and 'weights' do not go together") from error
        load_weights(network, self.weights, self.path)
        return network.eval()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint file.

    Raises:
        CheckpointError: the file is missing, damaged or something else; names the entry that is wrong.
    """
    return _from_content(path, read_content(path))


def _from_content(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    training = None
    if "optimizer" in content:
        training = TrainingState(
            weights=content["weights"],
            average=content["average"],
            average_steps=content["average_steps"],
            optimizer=content["optimizer"],
            step=content.get("step") or 0,
        )
    return Checkpoint(
        path=path,
        model=content["model"],
        weights=content.get("average") or content["weights"],
        is_detector=content.get("kind") == DETECTOR,
        quantization=content.get("quantization"),
        recipe=content.get("recipe") or {},
        epoch=content.get("epoch") or 0,
        validation=content.get("validation") or {},
        training=training,
    )


def save_checkpoint(
    path: Path, network: Network | FaceDetector, *, training: TrainingState | None = None, **facts: Any
) -> None:
    """Write a checkpoint, whole or not at all.

    Args:
        path: the file to write.
        network: whose configuration and weights are stored.
        training: stored beside the network so that the training can go on; its `weights` are the network's own.
        facts: further entries of plain containers: recipe, epoch, validation, quantization.
    """
    content = {"format": FORMAT, "model": asdict(network.config), "weights": network.state_dict(), **facts}
    if isinstance(network, FaceDetector):
        content["kind"] = DETECTOR
    if training is not None:
        content |= vars(training)
    with atomic_path(path) as temporary, temporary.open("wb") as file:  # a file of Python's own says why a write fails
        torch.save(content, file)


def load_weights(network: nn.Module, weights: Weights, origin: Path) -> None:
    """Copy weights into a network.

    Args:
        network: changed in place.
        weights: one tensor for each entry of its state dict.
        origin: the file they come from.

    Raises:
        CheckpointError: names the first layer that does not fit.
    """
    own = network.state_dict()
    for key in sorted(own.keys() | weights.keys()):
        theirs, mine = (_form(table.get(key)) for table in (weights, own))
        if theirs != mine:
            raise CheckpointError(f"{origin}: does not fit the model in the recipe: {key} is {theirs}, expected {mine}")
    network.load_state_dict(weights)


def _form(tensor: Tensor | None) -> str:
    return "missing" if tensor is None else f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
