"""A clip that needs no camera: the picture of an astronaut, moved smoothly in a known way."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import cv2
import numpy as np

from sdfl.errors import MissingDependency
from sdfl.runtime.sources.base import FrameSource
from sdfl.types import FloatArray, Frame, Image

SIZE = (640, 480)
NUM_FRAMES = 300
FACE_CENTRE = (224.0, 112.0)  # px of the 512 x 512 picture


class SampleSource(FrameSource):
    """Ten seconds of 640 x 480 px and 30 frames per second; the last frame leads back to the first.

    Raises:
        MissingDependency: scikit-image, which brings the picture, is not installed.
    """

    name = "sample"
    num_frames = NUM_FRAMES
    loops = True

    def __init__(self) -> None:
        self._picture = astronaut()

    def __iter__(self) -> Iterator[Frame]:
        for index in range(NUM_FRAMES):
            image = cv2.warpAffine(
                self._picture, sample_affine(index), SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            yield Frame(np.asarray(image, dtype=np.uint8), index, index / self.fps)


def sample_affine(index: int) -> FloatArray:
    """The motion: the (2, 3) affine from px of the picture to px of frame `index`."""
    phase = 2 * np.pi * index / NUM_FRAMES
    zoom = 2.1 + 0.4 * np.sin(phase)
    roll = np.deg2rad(14) * np.sin(2 * phase)
    centre = np.array([SIZE[0] / 2 + 70 * np.sin(phase), SIZE[1] / 2 - 25 + 25 * np.sin(3 * phase)])
    linear = zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    return np.column_stack([linear, centre - linear @ np.array(FACE_CENTRE)]).astype(np.float32)


def astronaut() -> Image:
    """The picture of Eileen Collins, (512, 512, 3) uint8 BGR, by NASA and in the public domain.

    Raises:
        MissingDependency: scikit-image, which brings it, is not installed.
    """
    try:
        data = import_module("skimage.data")
    except ImportError as error:
        raise MissingDependency("scikit-image, which holds the sample picture,", extra="demo") from error
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1], dtype=np.uint8)
