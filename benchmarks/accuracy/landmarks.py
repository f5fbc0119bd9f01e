"""Accuracy of one model on labelled pictures, as a record's `result`: with intervals, and with each picture's error.

An error is the inter-ocular NME of one picture (paper eq. 12). The "common" NME is the same over the 31 points that
mean the same in every 68-point model: brows, nose and eyes. Other projects place the jaw line and the lips differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.benchmarks.accuracy.crops import (
    SWEEP,
    BoxFinder,
    Disturbance,
    disturbed_crop,
    first_crops,
    predict,
    tracked_crops,
)
from sdfl.benchmarks.intervals import Floats, mean_interval
from sdfl.benchmarks.progress import Step, ignore
from sdfl.benchmarks.records import OWN_CROPS
from sdfl.benchmarks.worker import Worker
from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError
from sdfl.evaluation import Evaluation
from sdfl.geometry import box_iou, landmark_box
from sdfl.layouts import IBUG68, get_layout
from sdfl.metrics import inter_ocular, nme
from sdfl.types import Backend, FloatArray

COMMON_POINTS = sorted(index for region in ("brows", "nose", "eyes") for index in IBUG68.regions[region])
CHUNK = 33  # pictures between two steps of the progress bar
NUM_WORST = 12
LABELLED_FACE_IOU = 0.2  # least overlap with the labelled face, as `sdfl.evaluation` asks of a detected box


def measure_accuracy(
    backend: Backend, samples: Sequence[Sample], crops: str, boxes: BoxFinder, step: Step = ignore
) -> dict[str, Any]:
    """Measure one of this project's models.

    Args:
        backend: runs the model.
        samples: labelled pictures.
        crops: "true", "detected" or "tracked".
        boxes: finds the faces for detected and tracked crops.
        step: told how many pictures are done.

    Returns:
        The `result` of a record.

    Raises:
        DataError: the labels have another layout than the model.
    """
    _check_layout(backend, samples)
    points: list[FloatArray | None] = [None] * len(samples)
    presence = np.full(len(samples), np.nan, np.float32)
    for start in range(0, len(samples), CHUNK):
        some = samples[start : start + CHUNK]
        indices, images, cut = first_crops(some, backend.spec, None if crops == "true" else boxes)
        predicted, present = predict(backend, cut)
        if crops == "tracked":
            predicted, present = predict(backend, tracked_crops(backend, images, predicted))
        for index, p, probability in zip(indices, predicted, present, strict=True):
            points[start + index], presence[start + index] = p, probability
        step(len(some))
    return accuracy_result(samples, points, presence, crops)


def measure_peer_accuracy(worker: Worker, samples: Sequence[Sample], step: Step = ignore) -> dict[str, Any]:
    """Measure another project's model, which finds the faces by itself.

    Args:
        worker: has the model open.
        samples: labelled pictures.
        step: told how many pictures are done.

    Returns:
        The `result` of a record. Of several faces, the one that overlaps the labelled face most counts.
    """
    points: list[FloatArray | None] = []
    for start in range(0, len(samples), CHUNK):
        some = samples[start : start + CHUNK]
        answer = worker.ask("faces", paths=[str(sample.image_path) for sample in some])
        points += [_labelled_face(faces, sample) for faces, sample in zip(answer["faces"], some, strict=True)]
        step(len(some))
    return accuracy_result(samples, points, np.full(len(samples), np.nan, np.float32), OWN_CROPS)


def _labelled_face(faces: list[list[list[float]]], sample: Sample) -> FloatArray | None:
    truth = landmark_box(sample.points)
    found = [np.asarray(face, np.float32) for face in faces]
    best = max(found, key=lambda face: box_iou(landmark_box(face), truth), default=None)
    if best is None:
        return None
    x, y = best.mean(axis=0)  # a face whose centre is right was found, however wrong its points are
    within = truth[0] <= x <= truth[2] and truth[1] <= y <= truth[3]
    return best if within or box_iou(landmark_box(best), truth) > LABELLED_FACE_IOU else None


def accuracy_result(
    samples: Sequence[Sample], points: Sequence[FloatArray | None], presence: FloatArray, crops: str
) -> dict[str, Any]:
    """Compare predictions with labels.

    Args:
        samples: labelled pictures, at least one.
        points: the predicted (N, 2) frame px of each picture, None for a missed face.
        presence: (M,) of each picture.
        crops: how the faces were found, for the record.

    Returns:
        The `result` of a record.
    """
    layout = get_layout(samples[0].layout)
    truth = np.stack([sample.points for sample in samples])
    nothing = np.full(truth.shape[1:], np.nan, np.float32)
    predicted = np.stack([nothing if p is None else p for p in points])
    errors = np.asarray(nme(predicted, truth, layout), np.float32)
    distance = np.linalg.norm(predicted - truth, axis=-1) / inter_ocular(truth, layout)[:, None]
    common = distance[:, COMMON_POINTS].mean(axis=1) if layout.name == "ibug68" else np.full(len(samples), np.nan)
    summary = Evaluation(tuple(samples), errors, presence, crops).summary()
    names = _names(samples)
    turned = [turn_percent(sample.points, sample.layout) for sample in samples]
    result = summary | intervals(errors)
    result["common_nme_percent"] = _percent(np.nanmean(common)) if np.isfinite(common).any() else None
    regions = {name: distance[:, list(region)].mean(axis=1) for name, region in layout.regions.items()}
    result["regions_nme_percent"] = {
        name: _percent(np.nanmean(each)) if np.isfinite(errors).any() else None for name, each in regions.items()
    }
    result["pictures"] = {
        "name": names,
        "nme_percent": _percents(errors),
        "common_nme_percent": _percents(common),
        "turn_percent": [round(value, 2) for value in turned],
        "hidden_percent": [hidden_percent(sample) for sample in samples],
        "regions_nme_percent": {name: _percents(each) for name, each in regions.items()},
    }
    worst = np.argsort(-np.nan_to_num(errors, nan=-1.0))[:NUM_WORST]
    rounded = predicted.astype(np.float64).round(1)  # of float32 many digits would be written
    result["worst"] = [
        {"name": names[i], "nme_percent": _percent(errors[i]), "points": rounded[i].tolist()}
        for i in worst
        if np.isfinite(errors[i])
    ]
    return result


def intervals(errors: FloatArray) -> dict[str, Any]:
    """95 % bootstrap intervals over the pictures, for the values of `Evaluation.summary`.

    Args:
        errors: (M,) NME of each picture, a fraction, NaN for a missed face.
    """
    if not np.isfinite(errors).any():
        return {}
    low, high = mean_interval(errors)
    table: dict[str, Any] = {"nme_percent_interval": [_percent(low), _percent(high)]}
    for name, threshold in (("failure_rate_8_percent", 0.08), ("failure_rate_10_percent", 0.10)):
        bounds = mean_interval((~(errors <= threshold)).astype(np.float64))
        table[f"{name}_interval"] = [_percent(bound) for bound in bounds]
    covered = np.clip(0.10 - np.where(np.isnan(errors), np.inf, errors), 0, 0.10) / 0.10
    table["auc_10_interval"] = [round(bound, 5) for bound in mean_interval(covered)]
    return table


def measure_sweep(backend: Backend, samples: Sequence[Sample], step: Step = ignore) -> dict[str, Any]:
    """Measure the NME on crops that are more and more disturbed.

    Args:
        backend: runs the model.
        samples: labelled pictures.
        step: told how many pictures are done.

    Returns:
        The `result` of a record. For each axis of SWEEP: amounts, mean NME and failure rate at 8 % in percent, and each
        picture's NME.
    """
    _check_layout(backend, samples)
    truth, names = np.stack([sample.points for sample in samples]), _names(samples)
    layout = get_layout(samples[0].layout)
    kinds = [Disturbance(axis, amount) for axis, amounts in SWEEP.items() for amount in amounts]
    errors = np.empty((len(kinds), len(samples)), np.float32)
    for index, sample in enumerate(samples):
        image = read_image(sample.image_path)
        cut = [disturbed_crop(image, sample, backend.spec, by, seed=index) for by in kinds]
        errors[:, index] = nme(np.stack(predict(backend, cut)[0]), truth[index], layout)
        step(1)
    result: dict[str, Any] = {"num_images": len(samples), "axes": {}}
    for by, each in zip(kinds, errors, strict=True):
        low, high = mean_interval(each)
        row = result["axes"].setdefault(
            by.axis, {"amount": [], "nme_percent": [], "interval": [], "failure_8_percent": [], "pictures": []}
        )
        row["amount"].append(by.amount)
        row["nme_percent"].append(_percent(each.mean()))
        row["interval"].append([_percent(low), _percent(high)])
        row["failure_8_percent"].append(_percent(np.mean(each > 0.08)))
        row["pictures"].append({"name": names, "nme_percent": _percents(each)})
    return result


def turn_percent(points: FloatArray, layout: str) -> float:
    """How far a head is turned to the side.

    Args:
        points: (N, 2) px.
        layout: of the points.

    Returns:
        Offset of the nose tip from the middle of the outer eye corners, along the line of the eyes, in percent of their
        distance. 0 is frontal; about 25 is a half profile.
    """
    known = get_layout(layout)
    left, right = (points[i] for i in known.eye_corners)
    across = (right - left) / np.linalg.norm(right - left) ** 2
    return float(abs((points[known.nose_tip] - (left + right) / 2) @ across) * 100)


def hidden_percent(sample: Sample) -> float | None:
    """Share of the points that the labels call hidden, in percent; None if they do not say."""
    return None if sample.visible is None else _percent(1 - sample.visible.mean())


def _check_layout(backend: Backend, samples: Sequence[Sample]) -> None:
    for sample in samples:
        if sample.layout != backend.spec.layout:
            raise DataError(
                f"{sample.image_path}: has layout {sample.layout}, the model {backend.spec.name} predicts "
                f"{backend.spec.layout}"
            )


def _names(samples: Sequence[Sample]) -> list[str]:
    base = _common_folder(samples)
    return [str(sample.image_path.relative_to(base)) for sample in samples]


def _common_folder(samples: Sequence[Sample]) -> Path:
    folders = {sample.image_path.parent for sample in samples}
    shortest = min(folders, key=lambda folder: len(folder.parts))
    while not all(folder.is_relative_to(shortest) for folder in folders):
        shortest = shortest.parent
    return shortest


def _percent(fraction: float | np.floating[Any]) -> float:
    return round(float(fraction) * 100, 4)


def _percents(fractions: Floats) -> list[float | None]:
    return [None if np.isnan(value) else _percent(value) for value in fractions]
