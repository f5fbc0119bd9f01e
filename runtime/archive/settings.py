"""What the labels of an archive depend on beside the videos: kept with the dataset, equal on every computer."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import sdfl
from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.passport import sha256_of
from sdfl.errors import ArtifactError, ConfigError
from sdfl.runtime.backends import BACKENDS
from sdfl.runtime.detector import open_detector, parse_detector
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.sources.video import pyav
from sdfl.runtime.zoo import ZOO, resolve_model
from sdfl.runtime.zoo.opening import open_model

FORMAT = 1  # of the dataset; a higher one is read by a newer sdfl
BUILT_IN = "built-in"


@dataclass(frozen=True)
class Settings:
    """Whatever changes the labels.

    Attributes:
        sdfl: version of the package.
        model: name of a model of the package, or of a file.
        model_sha256: hash of its file.
        backend: library that runs it.
        layout: order of the points.
        num_points: of the layout.
        detector: "built-in" or the name of a file.
        detector_sha256: hash of that file, empty for the built-in one.
        detection_threshold: score above which the detector takes something for a face, None for its own.
        max_faces: largest number of faces at a time.
        smoothing: whether points are steadied.
        decoder: library that decodes the videos.
        segment_s: length of the segments that longer videos are cut into, None for whole videos.
        format: of the dataset.
    """

    sdfl: str
    model: str
    model_sha256: str
    backend: str
    layout: str
    num_points: int
    detector: str = BUILT_IN
    detector_sha256: str = ""
    detection_threshold: float | None = None
    max_faces: int = 1
    smoothing: bool = True
    decoder: str = "PyAV"
    segment_s: float | None = None
    format: int = FORMAT

    def differences(self, other: dict[str, Any]) -> list[str]:
        """What is different in settings that were read, as `name: theirs, not ours`."""
        ours = asdict(self)
        return [
            f"{name} {other.get(name)!r}, not {ours.get(name)!r}"
            for name in sorted({*ours, *other})
            if ours.get(name) != other.get(name)
        ]


class Opening(Protocol):
    """How a worker opens its landmarker; can be sent to another process, and compared.

    Attributes:
        threads: of the process.
    """

    @property
    def threads(self) -> int:
        """Number of them."""
        ...

    def open(self) -> FaceLandmarker:
        """Open it."""
        ...

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class LandmarkerOptions:
    """The arguments of a worker's `FaceLandmarker`.

    Attributes:
        model: name of a model of the package, or the path of a file that every computer has.
        backend: name of the library.
        model_sha256: what the file must hold.
        max_faces: see `FaceLandmarker`.
        detector: see `FaceLandmarker`.
        detection_threshold: see `FaceLandmarker`.
        smoothing: see `FaceLandmarker`.
        threads: of a worker.
    """

    model: str
    backend: str
    model_sha256: str
    max_faces: int
    detector: str | None
    detection_threshold: float | None
    smoothing: bool
    threads: int = 1

    def open(self) -> FaceLandmarker:
        """Open the landmarker.

        Raises:
            ArtifactError: this computer has another file of that name.
        """
        path = resolve_model(self.model)
        if _hash_of(path) != self.model_sha256:
            raise ArtifactError(
                f"{path}: is not the model that the run began with; every computer needs the same sdfl and model"
            )
        return FaceLandmarker(
            path, max_faces=self.max_faces, backend=self.backend, threads=self.threads, detector=self.detector,
            detection_threshold=self.detection_threshold, smoothing=self.smoothing,
        )  # fmt: skip


@functools.lru_cache(maxsize=1)
def landmarker_of(opening: Opening) -> FaceLandmarker:
    """The landmarker of this process, opened once."""
    return opening.open()


def settle(
    model: str | None,
    *,
    precision: str | None = None,
    backend: str | None = None,
    threads: int = 1,
    max_faces: int | None = None,
    detector: str | None = None,
    detection_threshold: float | None = None,
    smoothing: bool = True,
    segment_s: float | None = None,
) -> tuple[Settings, LandmarkerOptions]:
    """Settle what a run computes with, by opening it here, so that every worker does the same.

    Args: as of `FaceLandmarker`; `segment_s` as in `Settings`.

    Raises:
        ConfigError, ArtifactError, MissingDependency: as `FaceLandmarker`.
    """
    opened, path = open_model(model, precision=precision, backend=backend, threads=threads)
    spec: ModelSpec = opened.spec
    library = _library_of(opened)
    opened.close()
    open_detector(detector, threads=threads, threshold=detection_threshold)
    detector_file = parse_detector(detector)[1] if detector else None
    ours = path.parent == ZOO
    settings = Settings(
        sdfl=sdfl.__version__, model=path.stem if ours else path.name, model_sha256=_hash_of(path), backend=library,
        layout=spec.layout, num_points=spec.num_points, detector=detector_file.name if detector_file else BUILT_IN,
        detector_sha256=sha256_of(detector_file) if detector_file else "", detection_threshold=detection_threshold,
        max_faces=max_faces or 1, smoothing=smoothing, decoder="PyAV" if pyav.library() else "OpenCV",
        segment_s=segment_s,
    )  # fmt: skip
    options = LandmarkerOptions(
        model=path.stem if ours else str(path.resolve()), backend=library, model_sha256=settings.model_sha256,
        max_faces=settings.max_faces, detector=detector, detection_threshold=detection_threshold,
        smoothing=smoothing, threads=threads,
    )  # fmt: skip
    return settings, options


def check_same_package(settings: Settings) -> None:
    """Refuse to label with another version of sdfl or another decoder than the run began with.

    Raises:
        ConfigError: says what differs.
    """
    decoder = "PyAV" if pyav.library() else "OpenCV"
    for what, here, wanted in (("sdfl", sdfl.__version__, settings.sdfl), ("decoder", decoder, settings.decoder)):
        if here != wanted:
            raise ConfigError(f"a worker has {what} {here}, the run began with {wanted}; install the same everywhere")


def _library_of(backend: object) -> str:
    return next(name for name, place in BACKENDS.items() if place.endswith(f":{type(backend).__name__}"))


def _hash_of(path: Path) -> str:
    """Of a model file, with the weights that an .xml has beside it."""
    weights = path.with_suffix(".bin")
    return sha256_of(path) + (sha256_of(weights) if path.suffix == ".xml" and weights.is_file() else "")
