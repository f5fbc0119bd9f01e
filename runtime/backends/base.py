"""What all back ends share: the checks of their input and their errors."""

from __future__ import annotations

from pathlib import Path

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ArtifactError, ClosedError
from sdfl.types import Image, require_shape


class Closable:
    """What is closed once: `close` may be called twice, everything else then raises ClosedError."""

    _closed = False

    def close(self) -> None:
        """Free the network. May be called twice."""
        if not self._closed:
            self._closed = True
            self._free()

    def _free(self) -> None:
        """Let go of what is held."""

    def _require_open(self) -> None:
        if self._closed:
            raise ClosedError(f"this {type(self).__name__} was closed; open the model again")


def check_crops(crops: Image, spec: ModelSpec) -> None:
    """Raise ValueError unless `crops` is (B, S, S, 3) uint8 with S = spec.input_size."""
    require_shape("crops", crops, ("B", spec.input_size, spec.input_size, 3))
    if crops.dtype != "uint8":
        raise ValueError(f"crops must be uint8, got {crops.dtype}")


def refused(path: Path, library: str, error: Exception) -> ArtifactError:
    """The error for a file that `library` cannot load; a library's own message may run over many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ArtifactError(f"{path}: {library} cannot load it ({lines[-1] if lines else type(error).__name__})")
