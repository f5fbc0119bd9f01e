"""`sdfl quantize`: post-training quantization, from a float checkpoint and pictures without labels to an int8 one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.datasets import find_pictures, read_image
from sdfl.datasets.pts import read_pts
from sdfl.errors import DataError
from sdfl.geometry import MEAN_BGR, evaluation_crop
from sdfl.model.checkpoint import Checkpoint, save_checkpoint
from sdfl.model.detector.network import FaceDetector
from sdfl.model.fold import fold
from sdfl.model.landmarks.network import Network
from sdfl.model.quantize import DEFAULT_FLOAT_LAYERS, calibrate, prepare
from sdfl.runtime.detector import open_detector
from sdfl.types import Box, Detector, FloatArray, Image

DETECTOR_PX = 320  # sides of the pictures that a face detector is calibrated on
DETECTOR_FLOAT_LAYERS = ("head",)  # 3 % of the weights, and their output is the answer
Progress = Callable[[Iterable[Any]], Iterable[Any]]


def quantize(
    checkpoint: Checkpoint,
    data: Path,
    out: Path,
    *,
    images: int,
    float_layers: Sequence[str] | None = None,
    progress: Progress = lambda steps: steps,
) -> Path:
    """Quantize a float network after its training. Needs no labels.

    Args:
        checkpoint: of a landmark network or a face detector, in float.
        data: folder of pictures of faces.
        out: the int8 checkpoint to write.
        images: how many pictures the ranges are calibrated on.
        float_layers: names, or beginnings of names, of layers that stay float; None for the network's usual ones.
        progress: wraps the steps, for a progress bar.

    Returns:
        `out`.

    Raises:
        CheckpointError: the checkpoint is quantized already, or its network computes values that are not finite.
        DataError: there are too few pictures.
        ConfigError: `float_layers` names no layer of the network.
    """
    checkpoint.require_float()
    quantized: Network | FaceDetector
    if checkpoint.is_detector:
        chosen = DETECTOR_FLOAT_LAYERS if float_layers is None else float_layers
        quantized = prepare(fold(checkpoint.detector()), chosen)
        pictures = detector_pictures(data, images)
    else:
        chosen = DEFAULT_FLOAT_LAYERS if float_layers is None else float_layers
        network = checkpoint.landmark_network()
        quantized = prepare(fold(network), chosen)
        pictures = calibration_crops(data, network.config.input_size, images, progress)
    calibrate(quantized, pictures, progress=progress)
    plan = {"method": "ptq", "float_layers": list(chosen)}
    save_checkpoint(out, quantized, quantization=plan, recipe=checkpoint.recipe)
    return out


def calibration_crops(data: Path, size: int, count: int, progress: Progress = lambda steps: steps) -> Image:
    """Cut face crops from pictures spread evenly over a folder.

    The face is where a `.pts` file beside the picture says, else the largest one that the detector finds; pictures
    without any are left out.

    Args:
        data: folder of pictures of faces.
        size: crop px.
        count: how many crops.
        progress: wraps the pictures, for a progress bar.

    Returns:
        (count, size, size, 3) uint8 BGR.

    Raises:
        DataError: there are fewer pictures, or fewer faces in them.
    """
    paths = _enough_pictures(data, count)
    order = np.argsort(np.arange(len(paths)) * count % len(paths), kind="stable")  # an even spread first, then the rest
    detector = open_detector()
    crops: list[Image] = []
    for path in progress([paths[index] for index in order]):
        if len(crops) == count:
            break
        image = read_image(path)
        face = _face(path, image, detector)
        if face is not None:
            crops.append(evaluation_crop(image, face, size).image)
    if len(crops) < count:
        raise DataError(f"{data}: faces were found in {len(crops)} pictures only, --images asks for {count}")
    return np.stack(crops)


def detector_pictures(data: Path, count: int) -> Image:
    """Scale pictures spread evenly over a folder to a quarter up to the whole of a canvas of the mean colour.

    Args:
        data: folder of pictures.
        count: how many pictures.

    Returns:
        (count, DETECTOR_PX, DETECTOR_PX, 3) uint8 BGR.

    Raises:
        DataError: there are fewer pictures.
    """
    paths = _enough_pictures(data, count)
    pictures = np.empty((count, DETECTOR_PX, DETECTOR_PX, 3), np.uint8)
    pictures[:] = np.round(MEAN_BGR)
    for index in range(count):
        image = read_image(paths[index * len(paths) // count])
        longer = DETECTOR_PX * (1 - 0.75 * (index % 4) / 4)
        factor = longer / max(image.shape[:2])
        size = (max(1, int(image.shape[1] * factor)), max(1, int(image.shape[0] * factor)))
        pictures[index, : size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return pictures


def _enough_pictures(data: Path, count: int) -> list[Path]:
    paths = find_pictures(data)
    if len(paths) < count:
        raise DataError(f"{data}: holds {len(paths)} pictures, --images asks for {count}")
    return paths


def _face(path: Path, image: Image, detector: Detector) -> FloatArray | None:
    """(N, 2) labelled points or the (4,) box of the largest face that is found, px of the picture."""
    label = path.with_suffix(".pts")
    if label.exists():
        return read_pts(label)
    largest = max(detector.detect(image), key=_area, default=None)
    return None if largest is None else largest.xyxy


def _area(box: Box) -> float:
    return float((box.xyxy[2] - box.xyxy[0]) * (box.xyxy[3] - box.xyxy[1]))
