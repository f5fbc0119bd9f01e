"""What all back ends share: the tensor names of the network and the check of their input."""

from __future__ import annotations

from pathlib import Path

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.errors import ArtifactError, ConfigError
from sdfl.types import Image, require_shape

INPUT = "image"
OUTPUTS = ("points", "presence", "log_scale")


def check_crops(crops: Image, spec: ModelSpec) -> None:
    """Raise ValueError unless `crops` is (B, S, S, 3) uint8 with S = spec.input_size."""
    require_shape("crops", crops, ("B", spec.input_size, spec.input_size, 3))
    if crops.dtype != "uint8":
        raise ValueError(f"crops must be uint8, got {crops.dtype}")


def check_threads(threads: int | None) -> None:
    """Raise ConfigError unless `threads` is None or at least 1."""
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be at least 1, got {threads}")


def refused(path: Path, library: str, error: Exception) -> ArtifactError:
    """The error for a file that `library` cannot load; a library's own message may run over many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ArtifactError(f"{path}: {library} cannot load it ({lines[-1] if lines else type(error).__name__})")
