"""Compare a built artifact with the ONNX file that it was built from: the same crops through both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.artifacts.model_file import read_built
from sdfl.artifacts.names import ENGINE, OPENVINO_IR, has_suffix
from sdfl.artifacts.onnx_metadata import read_spec
from sdfl.artifacts.passport import Passport, write_passport
from sdfl.convert.compare.runtimes import LIMIT_INT8_NOISE_PX, LIMIT_INT8_PX, NUM_CROPS, generated_crops, real_crops
from sdfl.datasets import find_samples
from sdfl.errors import ArtifactError
from sdfl.evaluation import evaluate
from sdfl.files import atomic_path
from sdfl.geometry import to_reference_px
from sdfl.runtime.backends import open_backend
from sdfl.runtime.backends.onnxruntime.backend import OnnxRuntimeBackend
from sdfl.runtime.notices import to_stderr
from sdfl.types import Backend, FloatArray, Image, Prediction

WORST_PICTURES, ENLARGED = 5, 4
REFERENCE_COLOUR, BUILT_COLOUR = (0, 200, 0), (0, 0, 255)  # BGR
Progress = Callable[[Iterable[int]], Iterable[int]]


@dataclass(frozen=True)
class Limits:
    """How far an artifact may be from its source.

    Attributes:
        statistic: which distance of the points is limited: "max", "p99" or "mean".
        points_px: of a crop of 256 px.
        presence: largest difference of the probabilities, 0..1.
        nme_percent: by how much the NME may be worse, in percent of the inter-ocular distance.
    """

    statistic: str
    points_px: float
    presence: float
    nme_percent: float = 0.05


# On crops of faces, then on generated crops, on which points move freely.
LIMITS = {
    "fp32": (Limits("max", 0.05, 0.001), Limits("max", 0.2, 0.001)),  # other kernels, other order of summation
    "fp16": (Limits("p99", 0.5, 0.02), Limits("p99", 2.0, 0.05)),  # 11 bits in every layer
    "int8": (
        Limits("mean", LIMIT_INT8_PX, 0.1),
        Limits("mean", LIMIT_INT8_NOISE_PX, 0.5),
    ),  # see convert/compare/runtimes.py
}


@dataclass(frozen=True)
class Comparison:
    """How far an artifact is from its source.

    Attributes:
        artifact: name of its file.
        against: name of the source's file.
        precision: of the artifact.
        crops: "real" or "generated".
        mean_px: mean distance of the points, px of a crop of 256 px.
        p99_px: 99th percentile of the distances.
        max_px: the largest distance.
        presence: largest difference of the probabilities, 0..1.
        log_scale: largest difference.
        limits: what is allowed.
        nme_percent: of the artifact on the labelled pictures, None without them.
        reference_nme_percent: of the source, likewise.
    """

    artifact: str
    against: str
    precision: str
    crops: str
    mean_px: float
    p99_px: float
    max_px: float
    presence: float
    log_scale: float
    limits: Limits
    nme_percent: float | None = None
    reference_nme_percent: float | None = None

    @property
    def passed(self) -> bool:
        """Whether all is within the limits; NaN is not."""
        distance = {"mean": self.mean_px, "p99": self.p99_px, "max": self.max_px}[self.limits.statistic]
        near = distance <= self.limits.points_px and self.presence <= self.limits.presence
        if self.nme_percent is None or self.reference_nme_percent is None:
            return near
        return near and self.nme_percent <= self.reference_nme_percent + self.limits.nme_percent

    def to_table(self) -> dict[str, Any]:
        """Plain values, for JSON and the passport."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True, eq=False)
class Checked:
    """A comparison and what it was made of, for drawing and for the search of the layer that diverges.

    Attributes:
        comparison: the result.
        passport: of the artifact.
        crops: (B, S, S, 3) uint8 BGR.
        reference: what the source predicts on them.
        built: what the artifact predicts on them.
    """

    comparison: Comparison
    passport: Passport
    crops: Image
    reference: Prediction
    built: Prediction

    def worst_first(self) -> list[int]:
        """Indices of the crops, ordered by the largest distance of a point."""
        distances = distances_px(self.reference, self.built, self.crops.shape[1]).max(axis=1)
        return [int(index) for index in np.argsort(distances)[::-1]]


def check(
    artifact: Path, against: Path, *, data: Path | None = None, progress: Progress = lambda steps: steps
) -> Checked:
    """Compare an artifact with its source in ONNX Runtime (fp32), and write the result into an engine's passport.

    Args:
        artifact: an engine, IR or .tflite file that `sdfl build` wrote.
        against: the ONNX file that it was built from.
        data: labelled pictures to compare on, and to measure both NMEs on; None for generated crops.
        progress: wraps the steps, for a progress bar.

    Raises:
        ArtifactError: `artifact` was not built from `against`, or one of them does not load.
    """
    passport = read_built(artifact)
    if passport is None:
        raise ArtifactError(
            f"{artifact}: was not made by `sdfl build`; --against is for engines, IRs and .tflite files"
        )
    if read_spec(against).graph_sha256 != passport.source_sha256:
        raise ArtifactError(
            f"{artifact}: was built from {passport.source}, not from {against} (another graph); give --against that "
            f"file, or build it again: sdfl build {against} --target {passport.target}"
        )
    reference, built = OnnxRuntimeBackend(against), open_artifact(artifact)
    try:
        return _check(artifact, passport, reference, built, data, progress)
    finally:
        reference.close()
        built.close()


def open_artifact(artifact: Path) -> Backend:
    """Open an artifact to compare it.

    An IR runs in exact floats, so that its own rounding is seen and not the processor's; an engine runs as it is.

    Raises:
        ArtifactError: it does not load here.
    """
    if has_suffix(artifact, OPENVINO_IR):
        from sdfl.runtime.backends.openvino.backend import OpenVinoBackend

        return OpenVinoBackend(artifact, precision="f32")
    return open_backend(artifact)


def _check(
    artifact: Path, passport: Passport, reference: Backend, built: Backend, data: Path | None, progress: Progress
) -> Checked:
    size = reference.spec.input_size
    crops = real_crops(data, size) if data else generated_crops(size, NUM_CROPS)
    expected, got = reference.infer(crops), built.infer(crops)
    distances = distances_px(expected, got, size)
    comparison = Comparison(
        artifact=artifact.name,
        against=passport.source,
        precision=passport.precision,
        crops="real" if data else "generated",
        mean_px=float(distances.mean()),
        p99_px=float(np.percentile(distances, 99)),
        max_px=float(distances.max()),
        presence=float(np.abs(expected.presence - got.presence).max()),
        log_scale=float(np.abs(expected.log_scale - got.log_scale).max()),
        limits=LIMITS[passport.precision][0 if data else 1],
    )
    if data:
        samples = find_samples(data)
        comparison = replace(
            comparison,
            nme_percent=evaluate(built, samples, progress=progress).summary()["nme_percent"],
            reference_nme_percent=evaluate(reference, samples, progress=progress).summary()["nme_percent"],
        )
    if has_suffix(artifact, ENGINE):
        try:
            write_passport(artifact, replace(passport, verified=comparison.to_table()))
        except OSError as error:
            to_stderr(f"{artifact}: the result cannot be kept in its passport ({error.strerror})")
    return Checked(comparison, passport, crops, expected, got)


def distances_px(reference: Prediction, other: Prediction, size: int) -> FloatArray:
    """Measure the distances between the points of two predictions.

    Args:
        reference: of B crops.
        other: of the same crops.
        size: crop px.

    Returns:
        (B, N) px of a crop of 256 px.
    """
    return to_reference_px(np.linalg.norm(reference.points - other.points, axis=-1), size)


def draw_worst(checked: Checked, folder: Path) -> list[Path]:
    """Draw the crops whose points differ most, enlarged: the source's points in green, the artifact's in red.

    Args:
        checked: of `check`.
        folder: where the pictures are written.

    Returns:
        The files.
    """
    order = checked.worst_first()
    paths = []
    for rank, index in enumerate(order[:WORST_PICTURES], start=1):
        picture = cv2.resize(checked.crops[index], None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        for points, colour in (
            (checked.reference.points[index], REFERENCE_COLOUR),
            (checked.built.points[index], BUILT_COLOUR),
        ):
            for x, y in (points + 0.5) * ENLARGED - 0.5:
                cv2.circle(picture, (round(float(x)), round(float(y))), 2, colour, cv2.FILLED, cv2.LINE_AA)
        path = folder / f"worst_{rank}_crop_{index}.png"
        with atomic_path(path) as temporary:
            temporary.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        paths.append(path)
    return paths
