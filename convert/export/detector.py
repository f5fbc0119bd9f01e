"""The face detector's way to one ONNX file: post-training quantization, export, and the threshold it is used with."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from onnx import helper
from torch import nn

from sdfl.artifacts.detector_spec import DetectorSpec
from sdfl.convert.export.landmarks import OPSET, STORAGES, drop_zero_points_of_weights, git_commit, store_halves, strip
from sdfl.datasets import read_image
from sdfl.datasets.pts import IMAGE_SUFFIXES
from sdfl.errors import ArtifactError, DataError
from sdfl.files import atomic_path
from sdfl.geometry import MEAN_BGR
from sdfl.model.checkpoint import save_checkpoint
from sdfl.model.detector.checkpoint import KIND, detector_from_checkpoint, fold_detector
from sdfl.model.quantize import calibrate, convert, is_quantized, prepare, require_float
from sdfl.types import Image

CALIBRATION_PX = 320
FLOAT_LAYERS = ("head",)  # 3 % of the weights; what they answer is the answer
FIRST_THRESHOLD = 0.5  # until `set_threshold` writes the chosen one
Progress = Callable[[Iterable[Any]], Iterable[Any]]


def quantize_detector(
    checkpoint: Path,
    data: Path,
    out: Path,
    *,
    images: int,
    float_layers: Sequence[str] = FLOAT_LAYERS,
    progress: Progress = lambda steps: steps,
) -> Path:
    """Write `checkpoint` with int8 weights and ranges calibrated on `images` pictures below `data`; returns `out`.

    Raises CheckpointError for a checkpoint that is already int8, DataError for too few pictures.
    """
    require_float(checkpoint)
    network, content = detector_from_checkpoint(checkpoint)
    quantized = prepare(fold_detector(network), float_layers)
    calibrate(quantized, calibration_pictures(data, images), progress=progress)
    plan = {"method": "ptq", "float_layers": list(float_layers)}
    save_checkpoint(out, quantized, kind=KIND, quantization=plan, recipe=content.get("recipe", {}))
    return out


def calibration_pictures(data: Path, count: int) -> Image:
    """(count, 320, 320, 3): pictures spread evenly over `data`, on a canvas of the mean colour, at a quarter to the
    whole of its side. Raises DataError for fewer than `count` pictures."""
    paths = sorted(path for path in data.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if len(paths) < count:
        raise DataError(f"{data}: holds {len(paths)} pictures, --images asks for {count}")
    pictures = np.empty((count, CALIBRATION_PX, CALIBRATION_PX, 3), np.uint8)
    pictures[:] = np.round(MEAN_BGR)
    for index in range(count):
        image = read_image(paths[index * len(paths) // count])
        longer = CALIBRATION_PX * (1 - 0.75 * (index % 4) / 4)
        factor = longer / max(image.shape[:2])
        size = (max(1, int(image.shape[1] * factor)), max(1, int(image.shape[0] * factor)))
        pictures[index, : size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return pictures


def export_detector(checkpoint: Path, out: Path, *, storage: str = "fp32") -> Path:
    """Write a detector's checkpoint as ONNX to `out`, whole or not at all. The threshold is a stopgap until
    `set_threshold`. Raises CheckpointError or ArtifactError."""
    if storage not in STORAGES:
        raise ArtifactError(f"storage must be one of {', '.join(STORAGES)}, got {storage!r}")
    network, content = detector_from_checkpoint(checkpoint)
    int8 = is_quantized(content)
    model = _to_onnx(convert(network) if int8 else fold_detector(network))
    if storage == "fp16":
        store_halves(model)
    about = content.get("recipe", {}).get("about", {})
    spec = DetectorSpec(
        name=about.get("name", "detector"),
        threshold=FIRST_THRESHOLD,
        opset=OPSET,
        precision="int8" if int8 else "fp32",
        training_data=about.get("training_data", ""),
        licence=about.get("licence", ""),
        git_commit=git_commit(),
    )
    _save(model, spec, out)
    return out


def set_threshold(path: Path, threshold: float, protocol: str) -> None:
    """Write a chosen threshold, and how it was chosen, into a detector's metadata, in place."""
    model = onnx.load(path)
    spec = DetectorSpec.from_metadata({entry.key: entry.value for entry in model.metadata_props}, str(path))
    _save(model, dataclasses.replace(spec, threshold=threshold, threshold_protocol=protocol), path)


def _to_onnx(network: nn.Module) -> onnx.ModelProto:
    """One picture a call; both sides are multiples of 32 and free."""
    height, width = (32 * torch.export.Dim(name, min=2, max=64) for name in ("rows", "columns"))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about its own internals
        program = torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 256, 320, 3, dtype=torch.uint8),),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["cells"],
            dynamic_shapes={"image": {1: height, 2: width}},
        )
    assert program is not None
    program.optimize()
    model = program.model_proto
    drop_zero_points_of_weights(model)
    strip(model)
    return model


def _save(model: onnx.ModelProto, spec: DetectorSpec, out: Path) -> None:
    graph_sha256 = hashlib.sha256(model.graph.SerializeToString()).hexdigest()
    helper.set_model_props(model, dataclasses.replace(spec, graph_sha256=graph_sha256).to_metadata())
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ArtifactError(f"{out}: the exported graph is not valid ONNX: {error}") from error
    with atomic_path(out) as temporary:
        onnx.save(model, temporary)
