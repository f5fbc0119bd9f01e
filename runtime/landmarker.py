"""The one object that most programs need: a model, a back end and a detector, put together."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.checks import require_count
from sdfl.errors import ClosedError, ConfigError
from sdfl.pictures import MAX_PIXELS
from sdfl.runtime.backends import TAKES_PROVIDERS
from sdfl.runtime.detector import open_detector
from sdfl.runtime.followers import TrackedFrame, Update, UpdateMany
from sdfl.runtime.given import given_backend, given_detector
from sdfl.runtime.sources import FrameSource, Source, open_source
from sdfl.runtime.sources.many import ManySources, Round
from sdfl.runtime.sources.pictures import Picture, to_image
from sdfl.runtime.tracking.detection_schedule import SharedDetector
from sdfl.runtime.tracking.lockstep import run_together
from sdfl.runtime.tracking.observation import LARGEST_BATCH, Inferring
from sdfl.runtime.tracking.smoothing import Smoother
from sdfl.runtime.tracking.tracker import FaceTracker, NewSmoother
from sdfl.runtime.zoo.opening import open_model
from sdfl.types import Backend, Detector, Face, Frame


class FaceLandmarker:
    """Finds faces and their landmarks in pictures, and follows them through videos.

    A context manager; `close` frees the model. Any number of threads may share one landmarker; see `detect` and
    `new_tracker`.

        with FaceLandmarker() as landmarker:
            faces = landmarker.detect("people.jpg")
            for frame, faces in landmarker.track(0):
                ...

    Args:
        model: a model of the package ("small", "free" and so on), a file that `sdfl export` or `sdfl build` wrote, or
            None for the default model.
        precision: "fp32", "fp16" or "int8", for a model of the package; None takes the fastest form that costs no
            accuracy and computes the right points on this processor.
        max_faces: largest number of faces. None finds every face in a picture and follows one through a video.
        backend: "openvino", "onnxruntime" or "tensorrt", an opened `Backend`, or None for the fastest that is installed
            and computes the right points on this processor. The built-in detector follows "onnxruntime". Threads take
            turns with a `Backend` of your own.
        providers: what ONNX Runtime computes on, such as "coreml" or ["cuda", "cpu"], see `OnnxRuntimeBackend`; implies
            the back end "onnxruntime".
        threads: CPU threads of the model and the detector, None for the libraries' own choice.
        detector: None for the built-in one, "yunet:FILE", "sdfl:FILE", or an opened `Detector`, with which threads take
            turns.
        detection_threshold: score above which the built-in detector or one from a file takes something for a face, 0 to
            1; None for the one that the detector was chosen with. Lower finds more faces, and more that are none.
        smoothing: whether the points of tracked faces are steadied. Those of single pictures never are.

    Attributes:
        model_file: the file that runs, None where the back end was given opened.
        detector: the detector in use; several landmarkers may share it.

    Raises:
        ConfigError: an argument is wrong.
        ArtifactError: a model file is missing, damaged or built for another machine.
        MissingDependency: the back end's library is not installed.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        precision: str | None = None,
        max_faces: int | None = None,
        backend: str | Backend | None = None,
        threads: int | None = None,
        providers: Iterable[str] | str | None = None,
        detector: str | Detector | None = None,
        detection_threshold: float | None = None,
        smoothing: bool = True,
    ) -> None:
        max_faces = require_count("max_faces", max_faces)
        if not isinstance(model, str | os.PathLike | None):
            raise ConfigError(f"model must be a name or a path, got {type(model).__name__}")
        if providers is not None and backend is None:
            backend = TAKES_PROVIDERS
        if not isinstance(backend, str | None):
            backend = given_backend(backend)
        if isinstance(detector, str | None):
            library = TAKES_PROVIDERS if backend == TAKES_PROVIDERS else None
            self.detector = open_detector(detector, threads=threads, library=library, threshold=detection_threshold)
        elif detection_threshold is not None:
            raise ConfigError("detection_threshold is for the built-in detector and those from files; leave it out")
        else:
            self.detector = given_detector(detector)
        self._owns_backend = backend is None or isinstance(backend, str)
        self.model_file: Path | None = None
        if backend is None or isinstance(backend, str):
            backend, self.model_file = open_model(
                model, precision=precision, backend=backend, threads=threads, providers=providers
            )
        self._backend = backend
        self._max_faces, self._smoother = max_faces, Smoother if smoothing else None
        self._closed = False

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        return self._backend.spec

    def detect(self, image: Picture, *, max_pixels: int = MAX_PIXELS) -> list[Face]:
        """The faces in one picture, the most certain first. Several threads may call it at the same time.

        Args:
            image: the path of a picture, an array (H, W, 3) BGR as `cv2.imread` gives it, or grey or BGRA, uint8 or
                uint16; a PIL picture; or the bytes of a picture file, as they came over a network.
            max_pixels: largest number of pixels of a picture file; a larger one is not decoded.

        Returns:
            Every face, at most `max_faces`; landmarks in px of the picture.

        Raises:
            SourceError: this is no picture, or cannot be read; says what came.
            ClosedError: the landmarker was closed.
        """
        every = self._new_tracker(self._max_faces or sys.maxsize)
        return every.update(Frame(to_image(image, max_pixels=max_pixels), 0, 0.0))

    def track(self, source: Source, *, max_pixels: int = MAX_PIXELS) -> Iterator[tuple[Frame, list[Face]]]:
        """Every frame of a source with the faces in it, which keep their ids from frame to frame.

        Args:
            source: what `sdfl.open_source` takes: a camera number, the path or URL of a video, a folder of pictures, a
                list of arrays, an iterator of arrays or frames, a `cv2.VideoCapture`, or an opened source. What this
                call opened is closed at the end.
            max_pixels: largest number of pixels of a picture file; a larger one is not decoded.

        Yields:
            The frame, and its faces, those known longest first.

        Raises:
            SourceError: the source cannot be opened, or fails in the middle.
            ClosedError: the landmarker was closed.
        """
        self._require_open()
        if isinstance(source, FrameSource):
            return self._tracked(source)
        return self._opened_and_tracked(source, max_pixels)

    def _opened_and_tracked(self, source: Source, max_pixels: int) -> Iterator[tuple[Frame, list[Face]]]:
        with open_source(source, max_pixels=max_pixels) as opened:
            yield from self._tracked(opened)

    def _tracked(self, source: FrameSource) -> Iterator[tuple[Frame, list[Face]]]:
        update = self.follow(source)
        for frame in source:
            yield frame, update(frame)

    def track_many(self, sources: Iterable[Source], *, max_pixels: int = MAX_PIXELS) -> Iterator[TrackedFrame]:
        """Track several sources at the same time, with one inference for all faces of the frames that are there.

        Every source has a tracker of its own. No live source waits for another one: late frames are dropped, so that
        each gives its newest. Of a file every frame is tracked; files wait for each other.

        Args:
            sources: each as for `track`. What this call opened is closed at the end.
            max_pixels: largest number of pixels of a picture file.

        Yields:
            The frames with their sources and faces, as they come.

        Raises:
            SourceError: a source cannot be opened, before anything is tracked; or one has failed in the middle, after
                all others have ended, while a line on standard error told of it at once.
            ConfigError: there is no source, or the same opened one twice.
            ClosedError: the landmarker was closed.
        """
        self._require_open()
        if isinstance(sources, str | os.PathLike) or not isinstance(sources, Iterable):
            raise ConfigError(f"track_many takes a list of sources, got {sources!r}; write track_many([...])")
        return self._opened_and_tracked_many(list(sources), max_pixels)

    def _opened_and_tracked_many(self, sources: Sequence[Source], max_pixels: int) -> Iterator[TrackedFrame]:
        with ExitStack() as stack:
            opened = [
                each if isinstance(each, FrameSource) else stack.enter_context(open_source(each, max_pixels=max_pixels))
                for each in sources
            ]
            many = stack.enter_context(ManySources(opened))
            update = self.follow_many(opened)
            for arrived in many.rounds():
                for (number, frame), faces in zip(arrived, update(arrived), strict=True):
                    yield TrackedFrame(number, many.names[number], frame, faces)

    def follow_many(self, sources: Sequence[FrameSource]) -> UpdateMany:
        """The function to call with frames of several sources, at most one of each; it gives the faces of each frame.

        Args:
            sources: of the frames, which name them by their places.

        Raises:
            ClosedError: the landmarker was closed.
        """
        self._require_open()
        shared = SharedDetector(self.detector)
        begin = [self._steps_of(source, shared) for source in sources]
        live = sum(source.live for source in sources)
        if live:
            self.warm_up(live * (self._max_faces or 1))

        def update(arrived: Round) -> list[list[Face]]:
            self._require_open()
            return run_together(self._backend, [begin[number](frame) for number, frame in arrived])

        return update

    def _steps_of(self, source: FrameSource, shared: SharedDetector) -> Callable[[Frame], Inferring[list[Face]]]:
        if source.stills:
            return lambda frame: self._new_tracker(self._max_faces or sys.maxsize).steps(frame)
        return self._new_tracker(self._max_faces or 1, shared=shared if source.live else None).steps

    def follow(self, source: FrameSource) -> Update:
        """The function to call with each frame of a source in order: a new tracker's, or `detect` for stills.

        Args:
            source: of the frames.

        Raises:
            ClosedError: the landmarker was closed.
        """
        self._require_open()
        if source.stills:
            return lambda frame: self.detect(frame.image)
        tracker = self.new_tracker(background=source.live)

        def update(frame: Frame) -> list[Face]:
            self._require_open()
            return tracker.update(frame)

        return update

    def new_tracker(self, *, background: bool = False, smoother: NewSmoother | None = None) -> FaceTracker:
        """A tracker for one video; any number may share this model, each in a thread of its own or in one thread.

        Args:
            background: whether the detector runs in a thread while faces are tracked, for live sources.
            smoother: makes the filter of each face, None for this landmarker's own choice.
        """
        return self._new_tracker(self._max_faces or 1, background=background, smoother=smoother)

    def warm_up(self, faces: int = 1) -> None:
        """Prepare the model for that many faces at once, which otherwise takes 0.1 to 0.3 s when they are first seen.

        Args:
            faces: number of faces; smaller numbers are prepared as well.

        Raises:
            ConfigError: `faces` is wrong.
            ClosedError: the landmarker was closed.
        """
        self._require_open()
        side = self.spec.input_size
        for batch in range(1, min(require_count("faces", faces) or 1, LARGEST_BATCH) + 1):
            self._backend.infer(np.zeros((batch, side, side, 3), np.uint8))

    def _new_tracker(self, max_faces: int, **options: Any) -> FaceTracker:
        self._require_open()
        options["smoother"] = options.get("smoother") or self._smoother
        return FaceTracker(self._backend, self.detector, max_faces=max_faces, **options)

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError("this FaceLandmarker was closed; open a new one")

    def close(self) -> None:
        """Free the model, but not a back end that was given opened.

        May be called twice, and while another thread computes: an inference that has begun ends first. Every other
        call then raises ClosedError.
        """
        if not self._closed:
            self._closed = True
            if self._owns_backend:
                self._backend.close()

    def __enter__(self) -> FaceLandmarker:
        self._require_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
