"""Your own detector and your own back end: two small classes, and everything else stays.

A detector has `detect(image)`; a back end has `spec`, `infer(crops)` and `close()`.

    python examples/own_parts.py people.jpg
"""

from __future__ import annotations

import sys
import time

import numpy as np

from sdfl import Backend, Box, FaceLandmarker, Prediction, SdflError
from sdfl.runtime.backends import open_backend
from sdfl.runtime.zoo.opening import model_to_run
from sdfl.types import Image


class WholePicture:
    """A detector for passport photographs: the face fills the middle of the picture."""

    def detect(self, image: Image) -> list[Box]:
        """image: (H, W, 3) uint8 BGR. Returns boxes in px, best first."""
        height, width = image.shape[:2]
        return [Box(np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.85 * height], np.float32))]


class TimedBackend:
    """A back end around another one; a wrapper for another inference library has the same three members."""

    def __init__(self, inner: Backend) -> None:
        self.inner, self.spec, self.ms = inner, inner.spec, 0.0

    def infer(self, crops: Image) -> Prediction:
        """crops: (B, S, S, 3) uint8 BGR, S = spec.input_size."""
        start_s = time.perf_counter()
        try:
            return self.inner.infer(crops)
        finally:
            self.ms += (time.perf_counter() - start_s) * 1000

    def close(self) -> None:
        """Free the network."""
        self.inner.close()


def main(picture: str) -> None:
    """Print the faces in a picture and the time that the network took."""
    backend = TimedBackend(open_backend(model_to_run("nano")))
    with FaceLandmarker(backend=backend, detector=WholePicture()) as landmarker:
        for face in landmarker.detect(picture):
            print(face)
    backend.close()
    print(f"the network took {backend.ms:.1f} ms")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__))
    except SdflError as error:
        sys.exit(str(error))
