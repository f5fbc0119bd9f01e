"""The still pictures that clips are made from: labelled ones, any picture with a face, or the sample picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdfl.benchmarks.accuracy.landmarks import turn_percent
from sdfl.benchmarks.peers.sdfl_model import open_model
from sdfl.benchmarks.video.clips import Still
from sdfl.datasets import Sample, read_image
from sdfl.errors import DataError
from sdfl.geometry import landmark_box, square_around
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.sources.sample import astronaut
from sdfl.runtime.zoo import resolve_model
from sdfl.types import FloatArray, Image

MAX_TURN_PERCENT = 10.0
SURROUNDINGS = 2.2  # face sizes


def labelled_stills(samples: Sequence[Sample], count: int) -> list[Still]:
    """Choose pictures of frontal faces, spread evenly over all of them.

    Args:
        samples: labelled pictures.
        count: how many to choose, at most.

    Raises:
        DataError: no face is frontal.
    """
    usable = [sample for sample in samples if turn_percent(sample.points, sample.layout) < MAX_TURN_PERCENT]
    if not usable:
        raise DataError("no picture shows a frontal face that a clip could be made from")
    chosen = [usable[i] for i in np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)]
    return [_alone(read_image(sample.image_path), landmark_box(sample.points)) for sample in chosen]


def _alone(image: Image, box: FloatArray) -> Still:
    """The part around the labelled face; further faces, which labelled pictures often show, would count as false."""
    (x, y), side_px = square_around(box, SURROUNDINGS)
    low = np.clip(np.array([x, y]) - side_px / 2, 0, None).astype(int)
    high = np.ceil(np.array([x, y]) + side_px / 2).astype(int)
    part = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    return Still(part, box - np.tile(low, 2).astype(np.float32))


def picture_stills(paths: Sequence[str]) -> list[Still]:
    """Take any pictures and find their largest face with the default model.

    Args:
        paths: of the pictures.

    Raises:
        DataError: names a picture without a face.
    """
    return [_located(read_image(Path(path).expanduser()), path) for path in paths]


def sample_stills() -> list[Still]:
    """Take the sample picture of scikit-image.

    Raises:
        MissingDependency: scikit-image is not installed.
    """
    return [_located(astronaut(), "the sample picture")]


def _located(image: Image, name: str) -> Still:
    backend = open_model(resolve_model(), "openvino", "f32")  # bf16 fails where ONEDNN_MAX_CPU_ISA forbids it
    with FaceLandmarker(backend=backend, max_faces=4) as landmarker:
        boxes = [face.box.xyxy for face in landmarker.detect(image)]
    if not boxes:
        raise DataError(f"{name}: shows no face that a clip could be made from")
    return Still(image, max(boxes, key=lambda box: float(np.prod(box[2:] - box[:2]))))
