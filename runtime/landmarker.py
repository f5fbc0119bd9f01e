"""The one object that most programs need: a model, a back end and a detector, put together.

with FaceLandmarker() as landmarker:
    faces = landmarker.detect(cv2.imread("people.jpg"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.backends import open_backend
from sdfl.runtime.detector import open_detector
from sdfl.runtime.sources import FrameSource, open_source
from sdfl.runtime.sources.base import to_bgr8
from sdfl.runtime.tracking.detection_schedule import OneAtATime
from sdfl.runtime.tracking.smoothing import Smoother
from sdfl.runtime.tracking.tracker import FaceTracker, NewSmoother
from sdfl.runtime.zoo import default_file, resolve_model
from sdfl.types import Backend, Detector, Face, Frame, Image

Update = Callable[[Frame], list[Face]]


class Follower(Protocol):
    """What follows the faces of a source: a `FaceLandmarker`, or a `Switchboard` that changes it on the way."""

    @property
    def spec(self) -> ModelSpec: ...

    def follow(self, source: FrameSource) -> Update: ...


class FaceLandmarker:
    """Finds and follows face landmarks. A context manager; `close` frees the model.

    model: a zoo name or file, None for the default. backend: a name of `sdfl.runtime.backends.BACKENDS` or an opened
    one. threads: of a named back end and detector. max_faces: at most so many at a time. detector: None for the
    built-in one, "yunet:FILE", or an opened one. smoothing: of tracked points; those of single pictures are never
    smoothed.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        backend: str | Backend | None = None,
        threads: int | None = None,
        max_faces: int = 1,
        detector: str | Detector | None = None,
        smoothing: bool = True,
    ) -> None:
        if backend is None or isinstance(backend, str):
            path = default_file(backend) if model is None else resolve_model(str(model))
            backend = open_backend(path, name=backend, threads=threads)
        self._backend = backend
        if detector is None or isinstance(detector, str):
            detector = open_detector(detector, threads=threads)
        self._detector = OneAtATime(detector)
        self._max_faces, self._smoother = max_faces, Smoother if smoothing else None
        self.new_tracker()  # refuses a wrong max_faces here rather than at the first frame

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        return self._backend.spec

    def detect(self, image: Image) -> list[Face]:
        """The faces in one picture. image: (H, W, 3) BGR, or grey or BGRA, 8 or 16 bits."""
        return self.new_tracker().update(Frame(to_bgr8(image, "image"), 0, 0.0))

    def track(self, source: str | FrameSource) -> Iterator[tuple[Frame, list[Face]]]:
        """Every frame of `source` (see `open_source`) with its faces. A source given as text is closed at the end."""
        if isinstance(source, str):
            with open_source(source) as opened:
                yield from self.track(opened)
            return
        update = self.follow(source)
        for frame in source:
            yield frame, update(frame)

    def follow(self, source: FrameSource) -> Update:
        """The function to call with each frame of `source` in order: a new tracker's, or `detect` for stills."""
        if source.stills:
            return lambda frame: self.detect(frame.image)
        return self.new_tracker(background=source.live).update

    def new_tracker(self, *, background: bool = False, smoother: NewSmoother | None = None) -> FaceTracker:
        """A tracker for one video; any number may share this model from one thread.

        background: for live sources, the detector looks for further faces beside the tracking of known ones.
        smoother: makes the filter of each face, None for this landmarker's own choice.
        """
        return FaceTracker(
            self._backend,
            self._detector,
            max_faces=self._max_faces,
            smoother=smoother or self._smoother,
            background=background,
        )

    def close(self) -> None:
        """Free the model."""
        self._backend.close()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
