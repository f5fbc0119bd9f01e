"""Back ends and detectors that a program brings itself: checked, and used by one thread at a time."""

from __future__ import annotations

import threading

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ConfigError
from sdfl.runtime.backends.base import Closable
from sdfl.types import Backend, Box, Detector, Image, Prediction


class GivenBackend:
    """A `Backend` around another one that may not know threads, and whose answers are checked.

    Args:
        backend: to be used.
    """

    def __init__(self, backend: Backend) -> None:
        self.spec = backend.spec
        self._backend, self._name, self._lock = backend, type(backend).__name__, threading.Lock()

    def infer(self, crops: Image) -> Prediction:
        """What the back end says about `crops` (B, S, S, 3) uint8 BGR.

        Raises:
            ConfigError: it gives something else than a `Prediction` of B crops.
        """
        with self._lock:
            seen: object = self._backend.infer(crops)
        if not isinstance(seen, Prediction):
            raise ConfigError(f"infer of the back end {self._name} must return a Prediction, got {_kind(seen)}")
        wanted = (len(crops), self.spec.num_points, 2)
        if seen.points.shape != wanted:
            raise ConfigError(
                f"infer of the back end {self._name} must return points of shape {wanted}, got {seen.points.shape}"
            )
        return seen

    def close(self) -> None:
        """Close the back end, after a thread that computes has ended."""
        with self._lock:
            self._backend.close()


class GivenDetector:
    """A `Detector` around another one that may not know threads, and whose answers are checked.

    Args:
        detector: to be used.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector, self._lock = detector, threading.Lock()

    def detect(self, image: Image) -> list[Box]:
        """Boxes of the faces in `image` (H, W, 3) uint8 BGR, in frame px, the best first.

        Raises:
            ConfigError: the detector gives something else.
        """
        with self._lock:
            found: object = self._detector.detect(image)
        if not isinstance(found, list | tuple) or not all(isinstance(each, Box) for each in found):
            name = type(self._detector).__name__
            raise ConfigError(
                f"detect of the detector {name} must return a list of Box, got {_kind(found)}; "
                "make a Box(np.array([left, top, right, bottom], np.float32)) of each face"
            )
        return list(found)


def given_backend(backend: object) -> Backend:
    """A back end that a program brings, as several threads may use it.

    Raises:
        ConfigError: it is no back end; says what is missing.
    """
    _require_members(backend, "backend", "a name", ("infer", "close"))
    if isinstance(backend, Closable):  # the package's own, which know threads
        return backend  # type: ignore[return-value]
    spec = getattr(backend, "spec", None)
    if not isinstance(spec, ModelSpec):
        raise ConfigError(
            "backend must have the attribute spec, a ModelSpec that says what the network expects; "
            f"{type(backend).__name__} has {'none' if spec is None else _kind(spec)}"
        )
    return GivenBackend(backend)  # type: ignore[arg-type]


def given_detector(detector: object) -> Detector:
    """A detector that a program brings, as several threads may use it.

    Raises:
        ConfigError: it is no detector; says what is missing.
    """
    _require_members(detector, "detector", "KIND:FILE", ("detect",))
    return GivenDetector(detector)  # type: ignore[arg-type]


def _require_members(value: object, name: str, text: str, methods: tuple[str, ...]) -> None:
    """Raise ConfigError unless `value` is an object that has `methods`."""
    if isinstance(value, type):
        raise ConfigError(f"{name} must be an object, got the class {value.__name__}; call it first")
    if not all(callable(getattr(value, method, None)) for method in methods):
        wanted = f"have the method{'s' if len(methods) > 1 else ''} {' and '.join(methods)}"
        raise ConfigError(f"{name} must be {text} or {wanted}, got {_kind(value)}")


def _kind(value: object) -> str:
    """What something is: "list of list", "int"."""
    items = value if isinstance(value, list | tuple) else ()
    kinds = sorted({type(each).__name__ for each in items})
    return " of ".join([type(value).__name__, *([" and ".join(kinds)] if kinds else [])])
