"""The adapter for this project's models: `peers/host.py` runs it like any peer, so that all share one clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.errors import ConfigError
from sdfl.runtime.backends import BACKENDS
from sdfl.runtime.implementations import load_implementation
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.tracking.tracker import FaceTracker
from sdfl.types import Backend, FloatArray, Frame, Image

AUTO = "auto"  # the library chooses the precision to compute in


class Peer:
    """One of this project's models, see `host.py`."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Open the model.

        Args:
            options: "model" (path), "backend", "compute", "threads", and "setting", where "raw" is without smoothing.
        """
        self._backend = open_model(Path(options["model"]), options["backend"], options["compute"], options["threads"])
        self._smoothing = options.get("setting") != "raw"
        self._tracker: FaceTracker | None = None
        self.layout = self._backend.spec.layout
        self.ids: list[int] = []

    def detect(self, image: Image) -> list[FloatArray]:
        """Points (N, 2) of every face in a picture, px."""
        return [face.landmarks.points for face in FaceLandmarker(backend=self._backend).detect(image)]

    def track(self, image: Image, timestamp_s: float) -> list[FloatArray]:
        """Points (N, 2) of every face in the next frame of a video, px."""
        if self._tracker is None:
            self.reset(1)
        assert self._tracker is not None
        faces = self._tracker.update(Frame(image, 0, timestamp_s))
        self.ids = [face.id for face in faces]
        return [face.landmarks.points for face in faces]

    def reset(self, max_faces: int) -> None:
        """Begin a new video with at most `max_faces` faces."""
        landmarker = FaceLandmarker(backend=self._backend, max_faces=max_faces, smoothing=self._smoothing)
        self._tracker = landmarker.new_tracker()

    def network(self, batch: int) -> Callable[[], object]:
        """One inference over fixed random crops; the time of a convolution does not depend on its input."""
        size = self._backend.spec.input_size
        crops = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
        return lambda: self._backend.infer(crops)


def open_model(path: Path, backend: str, compute: str = AUTO, threads: int | None = None) -> Backend:
    """Load a model file.

    Args:
        path: the file.
        backend: a key of BACKENDS.
        compute: what to compute floats in; "auto" is the library's choice.
        threads: of the CPU, None for the library's choice.

    Raises:
        ConfigError: the library cannot compute in that precision.
        SdflError: the file cannot be loaded, or the library is missing.
    """
    make = load_implementation("backend", backend, BACKENDS)
    if compute in (AUTO, ONLY_COMPUTE.get(backend)):
        opened: Backend = make(path, threads=threads)
    elif backend in ONLY_COMPUTE:
        raise ConfigError(f"{backend} computes in {ONLY_COMPUTE[backend]} only, not in {compute}")
    else:
        opened = make(path, threads=threads, precision=compute)
    return opened


ONLY_COMPUTE = {"onnxruntime": "f32", "litert": "f32"}
