"""Hold a built model against its source: the same crops through every runtime, differences in px of the crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from sdfl.artifacts.landmark_spec import CROP_SCALE
from sdfl.datasets import find_samples, read_image
from sdfl.errors import ArtifactError
from sdfl.geometry import cut_crop, evaluation_affine
from sdfl.runtime.backends.onnxruntime import OnnxRuntimeBackend
from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.types import Backend, FloatArray, Image

NUM_CROPS = 32
LIMIT_PX = 0.01  # of a 256 px crop: the same numbers in another order of summation
LIMIT_HALF_PX = 0.5  # against fp32 weights: rounding every weight to 11 bits moves points by a fraction of a pixel
LIMIT_INT8_PX = 1.0  # mean over points: what falls on a rounding edge falls elsewhere when summed in another order
LIMIT_INT8_NOISE_PX = 6.0  # the same on generated crops, which are no faces: there points move freely


@dataclass(frozen=True)
class Difference:
    """Differences of one runtime from the reference. points_px: in px of a 256 px crop, the largest, or the mean of an
    int8 model."""

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
    model: Path, *, checkpoint: Path | None = None, data: Path | None = None, limit_px: float | None = None
) -> list[Difference]:
    """Run `model` in ONNX Runtime and OpenVINO (f32), and `checkpoint` in torch, on 32 crops.

    The reference is torch where a checkpoint is given, else ONNX Runtime. data: labelled pictures to cut the crops
    from; without it they are generated. limit_px: None for what the model's precision allows. Raises ArtifactError
    for a model that does not load.
    """
    backends: dict[str, Backend] = {}
    if checkpoint:
        from sdfl.model.quantize import backend_from_checkpoint

        backends["torch"] = backend_from_checkpoint(checkpoint)
    backends["ONNX Runtime"] = OnnxRuntimeBackend(model)
    backends["OpenVINO f32"] = OpenVinoBackend(model, precision="f32")
    sizes = {backend.spec.input_size for backend in backends.values()}
    if len(sizes) > 1:
        raise ArtifactError(f"{model}: was not exported from {checkpoint}: their input sizes differ")
    size = sizes.pop()
    crops = real_crops(data, size) if data else generated_crops(size)
    int8 = backends["ONNX Runtime"].spec.precision == "int8"
    if limit_px is None:
        limit_px = LIMIT_PX if not int8 else LIMIT_INT8_PX if data else LIMIT_INT8_NOISE_PX
    return compare(backends, crops, limit_px, points=np.mean if int8 else np.max)


def compare(
    backends: Mapping[str, Backend],
    crops: Image,
    limit_px: float = LIMIT_PX,
    points: Callable[[FloatArray], float] = np.max,
) -> list[Difference]:
    """Predict `crops` (B, S, S, 3) with all; the first is the reference and is left out of the result.

    points: sums up the differences of all coordinates.
    """
    predictions = {name: backend.infer(crops) for name, backend in backends.items()}
    reference, *others = predictions.items()
    scale = 256 / crops.shape[1]
    return [
        Difference(
            name,
            points_px=float(points(np.abs(other.points - reference[1].points))) * scale,
            presence=float(np.abs(other.presence - reference[1].presence).max()),
            log_scale=float(np.abs(other.log_scale - reference[1].log_scale).max()),
            limit_px=limit_px,
        )
        for name, other in others
    ]


def real_crops(data: Path, size: int, count: int = NUM_CROPS) -> Image:
    """(count, size, size, 3) evaluation crops, spread evenly over the labelled pictures below `data`."""
    samples = find_samples(data)
    chosen = [samples[i] for i in np.linspace(0, len(samples) - 1, count).astype(int)]
    return np.stack(
        [cut_crop(read_image(s.image_path), evaluation_affine(s.points, size, CROP_SCALE), size).image for s in chosen]
    )


def generated_crops(size: int, count: int = NUM_CROPS, seed: int = 0) -> Image:
    """(count, size, size, 3) smooth coloured noise, half of it at full contrast."""
    rng = np.random.default_rng(seed)
    crops = []
    for index in range(count):
        coarse = rng.integers(0, 256, size=(4 + index, 4 + index, 3), dtype=np.uint8)
        crops.append(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))
    return np.stack(crops).astype(np.uint8)
