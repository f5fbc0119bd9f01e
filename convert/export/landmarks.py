"""A landmark network's checkpoint becomes one ONNX file that every runtime starts from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import OUTPUTS
from sdfl.convert.export.dense_form import to_dense
from sdfl.convert.export.graph import (
    OPSET,
    check_storage,
    drop_zero_points_of_weights,
    git_commit,
    load_with_metadata,
    store_as_fp16,
    strip,
    to_deploy,
    trace,
    write,
)
from sdfl.convert.export.operator_function import DOMAIN, operator_function, translation_table
from sdfl.convert.export.padding import merge_padding
from sdfl.layouts import get_layout
from sdfl.model.checkpoint import Checkpoint
from sdfl.model.landmarks.network import Network
from sdfl.model.landmarks.sparse_graph_conv import OPERATOR_VERSION


class Deployed(nn.Module):
    """A landmark network with the outputs of the contract: points in crop px, presence 0..1, log_scale."""

    def __init__(self, network: Network) -> None:
        """network: in float as it was trained, or calibrated with fake quantization."""
        super().__init__()
        self.network = to_deploy(network)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Find the landmarks.

        Args:
            image: (B, S, S, 3) uint8 BGR.

        Returns:
            points (B, N, 2) crop px, presence (B,) 0..1, and log_scale (B, N).
        """
        points, presence_logit, log_scale = self.network(image)
        return points, torch.sigmoid(presence_logit), log_scale


def export(checkpoint: Checkpoint, out: Path, *, storage: str = "fp32", inline: bool = False) -> Path:
    """Write a landmark network as ONNX, whole or not at all.

    Args:
        checkpoint: of a landmark network, float or int8.
        out: the .onnx file.
        storage: "fp16" stores large float weights with half the bytes; they are still computed with in fp32.
        inline: write the operator as a product with a dense matrix, for tools that know standard operators only.

    Returns:
        `out`.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        ArtifactError: another storage than these, or the ONNX checker objects.
    """
    check_storage(storage)
    network = checkpoint.landmark_network()
    model = to_onnx(Deployed(network), network.config.input_size)
    if inline:
        model = to_dense(model)
    if storage == "fp16":
        store_as_fp16(model)
    write(model, _describe(network, checkpoint), out)
    return out


def to_onnx(deployed: Deployed, input_size: int) -> onnx.ModelProto:
    """Export a network as it is deployed: bare operator nodes with the operator's function beside them.

    Args:
        deployed: the network.
        input_size: crop px; the batch is left open.
    """
    example = torch.zeros(2, input_size, input_size, 3, dtype=torch.uint8)
    model = trace(deployed, example, OUTPUTS, {0: torch.export.Dim("batch")}, translation_table())
    if not any(entry.domain == DOMAIN for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, OPERATOR_VERSION))
    model.functions.append(operator_function(OPSET))
    merge_padding(model)
    drop_zero_points_of_weights(model)
    strip(model)
    return model


def _describe(network: Network, checkpoint: Checkpoint) -> ModelSpec:
    config, about = network.config, checkpoint.about
    return ModelSpec(
        name=about.get("name", "sdfl"),
        layout=config.layout,
        num_points=get_layout(config.layout).num_points,
        input_size=config.input_size,
        opset=OPSET,
        precision="int8" if checkpoint.is_quantized else "fp32",
        operator_version=OPERATOR_VERSION,
        training_data=about.get("training_data", ""),
        licence=about.get("licence", ""),
        git_commit=git_commit(),
    )


def set_accuracy(path: Path, nme_percent: float, protocol: str) -> None:
    """Write a measured accuracy into a model's metadata, in place.

    Args:
        path: an .onnx file of `export`.
        nme_percent: the NME in percent.
        protocol: on which pictures and how it was measured, in words.

    Raises:
        ArtifactError: the file states no ModelSpec.
    """
    model, metadata = load_with_metadata(path)
    spec = ModelSpec.from_metadata(metadata, str(path))
    write(model, dataclasses.replace(spec, nme_percent=nme_percent, nme_protocol=protocol), path)
