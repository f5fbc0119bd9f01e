"""The face detector's checkpoint becomes one ONNX file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from sdfl.artifacts.detector_spec import DetectorSpec
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
from sdfl.model.checkpoint import Checkpoint

PROVISIONAL_THRESHOLD = 0.5  # until `set_threshold` writes a chosen one


def export_detector(checkpoint: Checkpoint, out: Path, *, storage: str = "fp32") -> Path:
    """Write the face detector as ONNX, whole or not at all.

    The threshold in the file is provisional; `sdfl.convert.detector_threshold` chooses one.

    Args:
        checkpoint: of a face detector, float or int8.
        out: the .onnx file.
        storage: "fp16" stores large float weights with half the bytes; they are still computed with in fp32.

    Returns:
        `out`.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        ArtifactError: another storage than these, or the ONNX checker objects.
    """
    check_storage(storage)
    height, width = (32 * torch.export.Dim(name, min=2, max=64) for name in ("rows", "columns"))
    example = torch.zeros(1, 256, 320, 3, dtype=torch.uint8)
    model = trace(to_deploy(checkpoint.detector()), example, ["cells"], {1: height, 2: width})
    drop_zero_points_of_weights(model)
    strip(model)
    if storage == "fp16":
        store_as_fp16(model)
    about = checkpoint.about
    spec = DetectorSpec(
        name=about.get("name", "detector"),
        threshold=PROVISIONAL_THRESHOLD,
        opset=OPSET,
        precision="int8" if checkpoint.is_quantized else "fp32",
        training_data=about.get("training_data", ""),
        licence=about.get("licence", ""),
        git_commit=git_commit(),
    )
    write(model, spec, out)
    return out


def set_threshold(path: Path, threshold: float, protocol: str) -> None:
    """Write a threshold into a detector's metadata, in place.

    Args:
        path: an .onnx file of `export_detector`.
        threshold: score from which on something is a face, between 0 and 1.
        protocol: how it was chosen, in words.

    Raises:
        ArtifactError: the file states no DetectorSpec, or the threshold is out of range.
    """
    model, metadata = load_with_metadata(path)
    spec = DetectorSpec.from_metadata(metadata, str(path))
    write(model, dataclasses.replace(spec, threshold=threshold, threshold_protocol=protocol), path)
