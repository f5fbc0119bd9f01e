"""`sdfl quantize`: post-training quantization, from a float checkpoint and pictures without labels to an int8 one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.landmark_spec import CROP_SCALE
from sdfl.datasets import read_image
from sdfl.datasets.pts import IMAGE_SUFFIXES, read_pts
from sdfl.errors import DataError
from sdfl.geometry import cut_crop, evaluation_affine
from sdfl.model.checkpoint import network_from_checkpoint, save_checkpoint
from sdfl.model.landmarks.fold import fold
from sdfl.model.quantize import DEFAULT_FLOAT_LAYERS, calibrate, prepare, require_float
from sdfl.runtime.detector import open_detector
from sdfl.types import Box, Detector, Image

Progress = Callable[[Iterable[Any]], Iterable[Any]]


def quantize(
    checkpoint: Path,
    data: Path,
    out: Path,
    *,
    images: int,
    float_layers: Sequence[str] = DEFAULT_FLOAT_LAYERS,
    progress: Progress = lambda steps: steps,
) -> Path:
    """Post-training quantization: write `checkpoint` with int8 weights and ranges calibrated on `images` pictures.

    Needs no labels. Raises CheckpointError for a checkpoint that is already quantized or computes NaN, DataError for
    too few pictures, ConfigError for an unknown layer.
    """
    require_float(checkpoint)
    network, content = network_from_checkpoint(checkpoint)
    quantized = prepare(fold(network), float_layers)
    calibrate(quantized, calibration_crops(data, network.config.input_size, images, progress), progress=progress)
    facts = {"recipe": content.get("recipe", {})}
    save_checkpoint(out, quantized, quantization={"method": "ptq", "float_layers": list(float_layers)}, **facts)
    return out


def calibration_crops(data: Path, size: int, count: int, progress: Progress = lambda steps: steps) -> Image:
    """(count, size, size, 3) face crops from pictures spread evenly over the folder `data`.

    The face is where a `.pts` file beside the picture says, else the largest one that the detector finds; pictures
    without any are left out. Raises DataError for fewer than `count` faces.
    """
    if not data.is_dir():
        raise DataError(f"{data}: is not a folder; point --data at a folder of pictures of faces")
    paths = sorted(path for path in data.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if len(paths) < count:
        raise DataError(f"{data}: holds {len(paths)} pictures, --images asks for {count}")
    order = np.argsort(np.arange(len(paths)) * count % len(paths), kind="stable")  # an even spread first, then the rest
    detector = open_detector()
    crops: list[Image] = []
    for path in progress([paths[index] for index in order]):
        if len(crops) == count:
            break
        crops.extend(_face_crop(path, size, detector))
    if len(crops) < count:
        raise DataError(f"{data}: faces were found in {len(crops)} pictures only, --images asks for {count}")
    return np.stack(crops)


def _face_crop(path: Path, size: int, detector: Detector) -> list[Image]:
    image = read_image(path)
    label = path.with_suffix(".pts")
    if label.exists():
        region = read_pts(label)
    else:
        boxes = detector.detect(image)
        if not boxes:
            return []
        region = max(boxes, key=_area).xyxy
    return [cut_crop(image, evaluation_affine(region, size, CROP_SCALE), size).image]


def _area(box: Box) -> float:
    return float((box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1]))
