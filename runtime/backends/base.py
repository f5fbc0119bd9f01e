"""What all back ends share: closing, the check of their input, and the error for a file that a library refuses."""

from __future__ import annotations

import threading
from pathlib import Path

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.checks import require_shape
from sdfl.errors import ArtifactError, ClosedError, UnusableHereError
from sdfl.types import Image


class Closable:
    """Something that several threads may share, and that is closed once.

    Methods hold `_lock` while they work, unless what they call is safe for threads. They first call `_require_open`,
    which raises ClosedError after `close`.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # re-entrant, for what a network's own function may call
        self._closed = False

    def close(self) -> None:
        """Free what is held, after a thread that holds `_lock` has ended its work. May be called twice."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._free()

    def _free(self) -> None:
        """Free what is held; called once."""

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError("this model was closed; open it again")


def check_crops(crops: Image, spec: ModelSpec) -> None:
    """Check the input of a network.

    Args:
        crops: must be (B, S, S, 3) uint8 with S = spec.input_size.
        spec: of the network.

    Raises:
        ValueError: says which shape or type came.
    """
    require_shape("crops", crops, ("B", spec.input_size, spec.input_size, 3))
    if crops.dtype != "uint8":
        raise ValueError(f"crops must be uint8, got {crops.dtype}")


def refused(path: Path, library: str, error: Exception, *, here: bool = False) -> ArtifactError:
    """The error, in one line, for a model file that a library refuses.

    Args:
        path: of the model file.
        library: its name.
        error: of the library, whose message may have many lines.
        here: whether the file was read, so that another form or library may still run it.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind, verb = (UnusableHereError, "run") if here else (ArtifactError, "load")
    return kind(f"{path}: {library} cannot {verb} it ({lines[-1] if lines else type(error).__name__})")
