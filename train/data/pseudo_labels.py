"""Labels by teachers: their points on many views of each picture, averaged, written as one list for `data.train`.

Pictures without labels, or with labels that a machine made badly, become training data this way. A view is the crop
shifted, scaled, turned or mirrored a little; where the views or the teachers disagree nobody knows, and the picture is
left out. So is a picture whose new points disagree with its old ones, or with the box of the face detector.
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
from sdfl.geometry import box_iou, crop_affine, cut_crop, landmark_box, square_around, transform_points
from sdfl.layouts import get_layout
from sdfl.metrics import inter_ocular
from sdfl.types import Backend, Detector, FloatArray, Image

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
AGREED_IOU = 0.5  # of the points' box with the detector's: less is another face, or none


@dataclass(frozen=True, eq=False)
class RoughFace:
    """Where a face is, before teachers label it.

    Attributes:
        image_path: the picture.
        box: (4,) xyxy px, as landmarks have it.
        points: (N, 2) px, the old label; None where a detector found the box.
    """

    image_path: Path
    box: FloatArray
    points: FloatArray | None = None


@dataclass(frozen=True)
class PseudoLabel:
    """A label by teachers.

    Attributes:
        points: (N, 2) px of the picture.
        spread: how far the views of all teachers stray from their mean, in sides of the face, a square of the area of
            its box.
    """

    points: FloatArray
    spread: float


def labelled_faces(samples: Sequence[Sample]) -> list[RoughFace]:
    """Take the faces from old labels.

    Args:
        samples: the labelled pictures.
    """
    return [RoughFace(sample.image_path, landmark_box(sample.points), sample.points) for sample in samples]


def detected_faces(
    pictures: Sequence[Path],
    detector: Detector,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda steps: steps,
) -> list[RoughFace]:
    """Find the best face of each picture; pictures in which there is none are left out.

    Args:
        pictures: files.
        detector: finds the faces.
        progress: wraps the pictures, for a progress bar.

    Raises:
        DataError: a picture cannot be read, or there is a face in none of them.
    """
    found = [(path, detector.detect(read_image(path))) for path in progress(pictures)]
    faces = [RoughFace(path, boxes[0].xyxy) for path, boxes in found if boxes]
    if not faces:
        raise DataError("the detector finds a face in none of the pictures; give a folder of pictures of faces")
    return faces


def write_pseudo_labels(
    faces: Sequence[RoughFace],
    teachers: Sequence[Backend],
    out: Path,
    *,
    progress: Callable[[Iterable[Any]], Iterable[Any]] = lambda steps: steps,
) -> int:
    """Label faces and write the labels that can be trusted, as a list that `load_list` reads.

    Args:
        faces: one of each picture.
        teachers: the networks that label together, all of the same layout.
        out: the list to write.
        progress: wraps the faces, for a progress bar.

    Returns:
        How many pictures are in the list.

    Raises:
        DataError: the layouts differ, or no label can be trusted.
    """
    layout, folder = teachers[0].spec.layout, faces[0].image_path.parent
    for teacher in teachers[1:]:
        if teacher.spec.layout != layout:
            raise DataError(
                f"{teacher.spec.name}: has layout {teacher.spec.layout}, {teachers[0].spec.name} {layout}; "
                "give teachers of one layout"
            )
    if any(face.points is not None and len(face.points) != get_layout(layout).num_points for face in faces):
        raise DataError(f"{folder}: has another layout than the teacher's {layout}")
    labels = [(face, pseudo_label(read_image(face.image_path), face.box, teachers)) for face in progress(faces)]
    agreed = [(face, label) for face, label in labels if _agree(face, label.points, layout)]
    if not agreed:
        names = " and ".join(teacher.spec.name for teacher in teachers)
        raise DataError(f"{folder}: {names}, which should label, agree with no label or box there")
    limit = float(np.quantile([label.spread for _, label in agreed], KEPT))
    kept = [(face, label) for face, label in agreed if label.spread <= limit]
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        named = ", ".join(f"{teacher.spec.name} ({teacher.spec.graph_sha256[:12]})" for teacher in teachers)
        file.write(f"# {layout} by {named}\n")
        for face, label in kept:
            numbers = " ".join(f"{value:.2f}" for value in label.points.ravel())
            file.write(f"{face.image_path.resolve()} {numbers}\n")
    return len(kept)


def _agree(face: RoughFace, points: FloatArray, layout_name: str) -> bool:
    """Whether a teacher's points are those of the face that it was asked for."""
    if face.points is None:
        return box_iou(face.box, landmark_box(points)) >= AGREED_IOU
    distance = max(float(inter_ocular(points, get_layout(layout_name))), 1e-6)
    return float(np.linalg.norm(points - face.points, axis=-1).mean()) / distance <= LARGEST_MOVE


def pseudo_label(image: Image, box: FloatArray, teachers: Sequence[Backend]) -> PseudoLabel:
    """Label one face.

    Args:
        image: (H, W, 3) uint8 BGR.
        box: (4,) xyxy px, roughly that of the landmarks.
        teachers: the networks that label together.
    """
    found = seen = np.zeros((0, 0, 2), np.float32)
    for _ in range(PASSES):
        seen = np.concatenate([_seen_in_views(image, box, teacher) for teacher in teachers])
        found = seen.mean(axis=0)
        box = landmark_box(found)
    side = max(float(np.sqrt(np.prod(box[2:] - box[:2]))), 1e-6)
    return PseudoLabel(found.astype(np.float32), float(np.linalg.norm(seen - found, axis=-1).mean()) / side)


def _seen_in_views(image: Image, box: FloatArray, teacher: Backend) -> FloatArray:
    """(V, N, 2) px of the picture, a teacher's points in each view of the face in a box."""
    spec, layout = teacher.spec, get_layout(teacher.spec.layout)
    centre, side_px = square_around(box, spec.crop_scale)
    affines = [
        crop_affine(
            centre + np.array([x, y], np.float32) * side_px, side_px * scale, spec.input_size,
            angle_deg=angle, mirror=mirror,
        )
        for x, y, scale, angle, mirror in VIEWS
    ]  # fmt: skip
    crops = np.stack([cut_crop(image, affine, spec.input_size).image for affine in affines])
    answers = teacher.infer(crops).points
    return np.stack(
        [
            transform_points(affine, answer[layout.flip_index()] if mirror else answer)
            for affine, answer, (*_, mirror) in zip(affines, answers, VIEWS, strict=True)
        ]
    )
