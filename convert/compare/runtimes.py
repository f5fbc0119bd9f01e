"""Compare a model between runtimes: the same crops through each of them, differences in px of the crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sdfl.datasets import find_samples, read_image
from sdfl.errors import ArtifactError
from sdfl.geometry import evaluation_crop, to_reference_px
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.types import Backend, FloatArray, Image

if TYPE_CHECKING:
    from sdfl.model.checkpoint import Checkpoint

NUM_CROPS = 32
# All limits are px of a crop of `sdfl.geometry.REFERENCE_CROP_PX`.
LIMIT_PX = 0.01  # the same numbers in another order of summation
LIMIT_FP16_PX = 0.5  # against fp32 weights: rounding every weight to 11 bits moves points by a fraction of a pixel
LIMIT_INT8_PX = 1.0  # mean over points: what falls on a rounding edge falls elsewhere when summed in another order
LIMIT_INT8_NOISE_PX = 6.0  # the same on generated crops, which are no faces: there points move freely


@dataclass(frozen=True)
class Difference:
    """Differences of one runtime from the reference.

    Attributes:
        runtime: its name and precision.
        points_px: px of a crop of 256 px: the largest of all points, or the mean for an int8 model.
        presence: the largest difference of the probabilities, 0..1.
        log_scale: the largest difference.
        limit_px: what each of the three may be.
    """

    runtime: str
    points_px: float
    presence: float
    log_scale: float
    limit_px: float = LIMIT_PX

    @property
    def passed(self) -> bool:
        """Whether all differences are within the limit; NaN is not."""
        return all(value <= self.limit_px for value in (self.points_px, self.presence, self.log_scale))


def verify(
    model: Path, *, checkpoint: Checkpoint | None = None, data: Path | None = None, storage: str = "fp32"
) -> list[Difference]:
    """Run a model file in ONNX Runtime and OpenVINO (f32), and its checkpoint in torch, on 32 crops.

    Args:
        model: the .onnx file.
        checkpoint: what it was exported from. Then torch is the reference, else ONNX Runtime is.
        data: labelled pictures to cut the crops from; without it the crops are generated.
        storage: how `export` was asked to store float weights; "fp16" allows for their rounding.

    Returns:
        One entry for each runtime but the reference.

    Raises:
        ArtifactError: the model does not load, or has another input size than the checkpoint.
    """
    backends: dict[str, Backend] = {}
    if checkpoint is not None:
        backends["torch"] = checkpoint.backend()
    backends["ONNX Runtime"] = OnnxRuntimeBackend(model)
    backends["OpenVINO f32"] = OpenVinoBackend(model, precision="f32")
    try:
        return _compare_all(model, backends, data, storage)
    finally:
        for backend in backends.values():
            backend.close()


def _compare_all(model: Path, backends: Mapping[str, Backend], data: Path | None, storage: str) -> list[Difference]:
    spec = backends["ONNX Runtime"].spec
    if any(backend.spec.input_size != spec.input_size for backend in backends.values()):
        raise ArtifactError(f"{model}: was not exported from this checkpoint: their input sizes differ")
    crops = real_crops(data, spec.input_size) if data else generated_crops(spec.input_size)
    if spec.precision == "int8":
        return compare(backends, crops, LIMIT_INT8_PX if data else LIMIT_INT8_NOISE_PX, points=np.mean)
    return compare(backends, crops, LIMIT_FP16_PX if storage == "fp16" else LIMIT_PX)


def compare(
    backends: Mapping[str, Backend],
    crops: Image,
    limit_px: float = LIMIT_PX,
    points: Callable[[FloatArray], float] = np.max,
) -> list[Difference]:
    """Predict the same crops with several back ends.

    Args:
        backends: name -> back end; the first one is the reference.
        crops: (B, S, S, 3) uint8 BGR.
        limit_px: what the differences may be.
        points: sums up the differences of all coordinates.

    Returns:
        One entry for each back end but the reference.
    """
    predictions = {name: backend.infer(crops) for name, backend in backends.items()}
    (_, reference), *others = predictions.items()
    return [
        Difference(
            name,
            points_px=float(points(to_reference_px(np.abs(other.points - reference.points), crops.shape[1]))),
            presence=float(np.abs(other.presence - reference.presence).max()),
            log_scale=float(np.abs(other.log_scale - reference.log_scale).max()),
            limit_px=limit_px,
        )
        for name, other in others
    ]


def real_crops(data: Path, size: int, count: int = NUM_CROPS) -> Image:
    """Cut evaluation crops from labelled pictures.

    Args:
        data: folder of pictures with `.pts` files.
        size: crop px.
        count: how many, spread evenly over the pictures.

    Returns:
        (count, size, size, 3) uint8 BGR.

    Raises:
        DataError: there are none, or one cannot be read.
    """
    samples = find_samples(data)
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, count).astype(int)]
    return np.stack([evaluation_crop(read_image(sample.image_path), sample.points, size).image for sample in chosen])


def generated_crops(size: int, count: int = NUM_CROPS, seed: int = 0) -> Image:
    """Draw crops of smooth coloured noise, coarse ones first.

    Args:
        size: crop px.
        count: how many.
        seed: of the noise.

    Returns:
        (count, size, size, 3) uint8 BGR.
    """
    rng = np.random.default_rng(seed)
    crops = []
    for index in range(count):
        coarse = rng.integers(0, 256, size=(4 + index, 4 + index, 3), dtype=np.uint8)
        crops.append(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))
    return np.stack(crops).astype(np.uint8)
