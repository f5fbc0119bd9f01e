"""The adapter for this project's models: `peers/host.py` runs it like any peer, so that all share one clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sdfl.core import Backend, FloatArray, Frame, Image
from sdfl.errors import ConfigError
from sdfl.runtime.backends import BACKENDS
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.loading import load_choice
from sdfl.runtime.tracker import FaceTracker

AUTO = "auto"


class Peer:
    """options: model (path), backend, compute ("auto", "f32", "bf16", ...), threads."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._backend = open_model(Path(options["model"]), options["backend"], options["compute"], options["threads"])
        self._landmarker: FaceLandmarker | None = None
        self._tracker: FaceTracker | None = None
        self.layout = self._backend.spec.layout

    def detect(self, image: Image) -> list[FloatArray]:
        """Points of every face in a picture, frame px."""
        return [face.landmarks.points for face in self._opened().detect(image)]

    def track(self, image: Image) -> list[FloatArray]:
        """The same for the next frame of a video."""
        if self._tracker is None:
            self._tracker = self._opened().new_tracker()
        return [face.landmarks.points for face in self._tracker.update(Frame(image, 0, 0.0))]

    def reset(self) -> None:
        """A new video begins."""
        self._tracker = None

    def network(self, batch: int) -> Callable[[], object]:
        """One inference over fixed noise crops; the time of a convolution does not depend on what it sees."""
        size = self._backend.spec.input_size
        crops = np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
        return lambda: self._backend.infer(crops)

    def _opened(self) -> FaceLandmarker:
        """With its detector, which the bare network is measured without."""
        self._landmarker = self._landmarker or FaceLandmarker(backend=self._backend)
        return self._landmarker


def open_model(path: Path, backend: str, compute: str = AUTO, threads: int | None = None) -> Backend:
    """Load `path`, computing in `compute`. Raises SdflError where the library cannot."""
    make = load_choice("backend", backend, BACKENDS)
    if compute in (AUTO, ONLY_COMPUTE.get(backend)):
        opened: Backend = make(path, threads=threads)
    elif backend in ONLY_COMPUTE:
        raise ConfigError(f"{backend} computes in {ONLY_COMPUTE[backend]} only, not in {compute}")
    else:
        opened = make(path, threads=threads, precision=compute)
    return opened


ONLY_COMPUTE = {"onnxruntime": "f32"}
