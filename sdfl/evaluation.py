"""Run a landmark network over labelled pictures and sum up its errors. Serves training, `sdfl eval` and reports."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError
from sdfl.files import atomic_path
from sdfl.geometry import box_iou, evaluation_crop, landmark_box, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import auc, failure_rate, nme
from sdfl.types import Backend, Detector, FloatArray, Image

BATCH_SIZE = 16
CROPS = ("true", "detected")
RegionOf = Callable[[Image, Sample], "FloatArray | None"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The errors of a landmark network on labelled pictures.

    Attributes:
        samples: the M pictures.
        errors: (M,) inter-ocular NME of each picture, a fraction; NaN where no face was found.
        presence: (M,) 0..1, NaN likewise.
        crops: how regions were chosen, one of CROPS.
    """

    samples: tuple[Sample, ...]
    errors: FloatArray
    presence: FloatArray
    crops: str

    def summary(self) -> dict[str, Any]:
        """The figures of `sdfl eval --json`. A missed face counts as a failure and is left out of the NME.

        Returns:
            Plain numbers and strings; the NME is None where no face was found.
        """
        found = self.errors[~np.isnan(self.errors)]
        return {
            "nme_percent": round(float(found.mean()) * 100, 4) if found.size else None,
            "failure_rate_8_percent": round(failure_rate(self.errors, 0.08) * 100, 4),
            "failure_rate_10_percent": round(failure_rate(self.errors, 0.10) * 100, 4),
            "auc_10": round(auc(self.errors, 0.10), 5),
            "num_images": len(self.errors),
            "num_found": int(found.size),
            "crops": self.crops,
        }

    def write_csv(self, path: Path) -> None:
        """Write one row for each picture: path, NME in percent (empty where it was missed), presence."""
        with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "nme_percent", "presence"])
            for sample, error, presence in zip(self.samples, self.errors, self.presence, strict=True):
                missed = bool(np.isnan(error))
                row = ["", ""] if missed else [round(float(error) * 100, 4), round(float(presence), 4)]
                writer.writerow([str(sample.image_path), *row])


def true_region(image: Image, sample: Sample) -> FloatArray | None:  # noqa: ARG001
    """The region of a face by its label.

    Args:
        image: not used.
        sample: the labelled picture.

    Returns:
        (4,) xyxy px, the box of the labelled points.
    """
    return landmark_box(sample.points)


def detected_region(detector: Detector) -> RegionOf:
    """Make a function that finds the region of a labelled face with a detector.

    Args:
        detector: finds faces.

    Returns:
        A function like `true_region`: it gives the detected box that overlaps the labelled face most, and None
            where none
        does.
    """

    def region(image: Image, sample: Sample) -> FloatArray | None:
        truth = landmark_box(sample.points)
        boxes = [box.xyxy for box in detector.detect(image)]
        best = max(boxes, key=lambda box: box_iou(box, truth), default=None)
        return best if best is not None and box_iou(best, truth) > 0.2 else None

    return region


def evaluate(
    backend: Backend,
    samples: Sequence[Sample],
    *,
    region_of: RegionOf = true_region,
    crops: str = "true",
    progress: Callable[[Iterable[int]], Iterable[int]] = lambda steps: steps,
) -> Evaluation:
    """Predict labelled pictures and compare with the labels.

    Args:
        backend: the network.
        samples: the pictures.
        region_of: chooses the (4,) xyxy box around which a crop is cut, None for a missed face.
        crops: what `region_of` is called in the result, one of CROPS.
        progress: wraps the batches, for a progress bar.

    Raises:
        DataError: a picture cannot be read, or has another layout than the network's.
    """
    spec = backend.spec
    for sample in samples:
        if sample.layout != spec.layout:
            raise DataError(
                f"{sample.image_path}: has layout {sample.layout}, the model {spec.name} predicts {spec.layout}"
            )
    errors = np.full(len(samples), np.nan, dtype=np.float32)
    presence = np.full(len(samples), np.nan, dtype=np.float32)
    for start in progress(range(0, len(samples), BATCH_SIZE)):
        crops_here, indices = [], []
        for index in range(start, min(start + BATCH_SIZE, len(samples))):
            image = read_image(samples[index].image_path)
            region = region_of(image, samples[index])
            if region is not None:
                crops_here.append(evaluation_crop(image, region, spec.input_size, spec.crop_scale))
                indices.append(index)
        if not indices:
            continue
        prediction = backend.infer(np.stack([crop.image for crop in crops_here]))
        points = np.stack([transform_points(c.to_frame, p) for c, p in zip(crops_here, prediction.points, strict=True)])
        truth = np.stack([samples[index].points for index in indices])
        errors[indices] = nme(points, truth, get_layout(spec.layout))
        presence[indices] = prediction.presence
    return Evaluation(tuple(samples), errors, presence, crops)
