"""Labels by a teacher: its points on many views of each picture, averaged, written as one list for `data.train`.

Pictures whose labels a machine made, or made badly, become training data this way. A view is the crop shifted, scaled,
turned or mirrored a little; where the views disagree the teacher does not know, and the picture is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError
from sdfl.files import atomic_path
from sdfl.geometry import crop_affine, cut_crop, landmark_box, square_around, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.types import Backend, FloatArray, Image

VIEWS = (  # shift x, y in sides, scale, degrees, mirrored
    (0.0, 0.0, 1.0, 0.0, False),
    (0.0, 0.0, 1.0, 0.0, True),
    (0.03, 0.02, 1.05, 8.0, False),
    (-0.03, 0.02, 1.05, -8.0, True),
    (0.02, -0.03, 0.96, -6.0, False),
    (-0.02, -0.03, 0.96, 6.0, True),
)
PASSES = 2  # the second one cuts its crops around what the first one found
KEPT = 0.9  # of the pictures, those whose views agree best
LARGEST_MOVE = 0.15  # inter-ocular distances from the old label: farther away there is another face, or none


@dataclass(frozen=True)
class PseudoLabel:
    """A label by a teacher.

    Attributes:
        points: (N, 2) px of the picture.
        spread: how far views stray from their mean, in inter-ocular distances.
        moved: mean distance from the old label, likewise.
    """

    points: FloatArray
    spread: float
    moved: float


def write_pseudo_labels(
    samples: Sequence[Sample],
    teacher: Backend,
    out: Path,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda steps: steps,
) -> int:
    """Label pictures anew and write the labels that can be trusted, as a list that `load_list` reads.

    Args:
        samples: the pictures; their old labels only say where the faces are.
        teacher: the network that labels.
        out: the list to write.
        progress: wraps the pictures, for a progress bar.

    Returns:
        How many pictures are in the list.

    Raises:
        DataError: the layouts differ, or no label can be trusted.
    """
    layout = teacher.spec.layout
    if any(sample.layout != layout for sample in samples):
        raise DataError(f"{samples[0].image_path.parent}: has another layout than the teacher's {layout}")
    labels = [pseudo_label(read_image(sample.image_path), sample.points, teacher) for sample in progress(samples)]
    near = [label.spread for label in labels if label.moved <= LARGEST_MOVE]
    if not near:
        raise DataError(f"{samples[0].image_path.parent}: the teacher {teacher.spec.name} agrees with no label there")
    limit = float(np.quantile(near, KEPT))
    kept = [
        (sample, label)
        for sample, label in zip(samples, labels, strict=True)
        if label.moved <= LARGEST_MOVE and label.spread <= limit
    ]
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f"# {layout} by {teacher.spec.name} ({teacher.spec.graph_sha256[:12]})\n")
        for sample, label in kept:
            numbers = " ".join(f"{value:.2f}" for value in label.points.ravel())
            file.write(f"{sample.image_path.resolve()} {numbers}\n")
    return len(kept)


def pseudo_label(image: Image, points: FloatArray, teacher: Backend) -> PseudoLabel:
    """Label one picture.

    Args:
        image: (H, W, 3) uint8 BGR.
        points: (N, 2) px, roughly where the face is.
        teacher: the network that labels.
    """
    spec, layout = teacher.spec, get_layout(teacher.spec.layout)
    found = points
    seen = found[None]
    for _ in range(PASSES):
        centre, side_px = square_around(landmark_box(found), spec.crop_scale)
        affines = [
            crop_affine(
                centre + np.array([x, y], np.float32) * side_px, side_px * scale, spec.input_size,
                angle_deg=angle, mirror=mirror,
            )
            for x, y, scale, angle, mirror in VIEWS
        ]  # fmt: skip
        crops = np.stack([cut_crop(image, affine, spec.input_size).image for affine in affines])
        answers = teacher.infer(crops).points
        seen = np.stack(
            [
                transform_points(affine, answer[layout.flip_index()] if mirror else answer)
                for affine, answer, (*_, mirror) in zip(affines, answers, VIEWS, strict=True)
            ]
        )
        found = seen.mean(axis=0)
    distance = max(float(inter_ocular(found, layout)), 1e-6)
    return PseudoLabel(
        found.astype(np.float32),
        float(np.linalg.norm(seen - found, axis=-1).mean()) / distance,
        float(np.linalg.norm(found - points, axis=-1).mean()) / distance,
    )
