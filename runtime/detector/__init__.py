"""Finding faces in a picture: the package's own network, or YuNet from a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdfl.errors import ConfigError, shown
from sdfl.runtime.implementations import load_implementation

if TYPE_CHECKING:
    from sdfl.types import Detector

DETECTORS = {
    "sdfl": "sdfl.runtime.detector.network:NetworkDetector",
    "yunet": "sdfl.runtime.detector.yunet:YuNetDetector",
}


def parse_detector(choice: str) -> tuple[str, Path]:
    """Take a choice of detector apart.

    Args:
        choice: "KIND:FILE" with a kind of `DETECTORS`.

    Returns:
        The kind and the file.

    Raises:
        ConfigError: the text has another form, or the kind is not one of `DETECTORS`.
    """
    kind, _, file = choice.partition(":")
    if kind not in DETECTORS or not file:
        wanted = " or ".join(f"{name}:FILE" for name in DETECTORS)
        raise ConfigError(f"detector must be {wanted}, got {choice!r}; leave it out for the built-in one")
    return kind, Path(file).expanduser()


def open_detector(
    choice: str | None = None,
    *,
    threads: int | None = None,
    library: str | None = None,
    threshold: float | None = None,
) -> Detector:
    """Open a detector.

    Args:
        choice: "sdfl:FILE" or "yunet:FILE", None for the built-in detector.
        threads: largest number of CPU threads, None for the library's own choice.
        library: that runs the project's own detectors, "openvino" or "onnxruntime"; None for the first that is
            installed and works here. YuNet runs in OpenCV.
        threshold: score above which something is a face, 0 to 1; None for the detector's own.

    Raises:
        ConfigError: `choice` or `threshold` is wrong.
        ArtifactError: the file is missing or cannot be loaded.
    """
    kind, path = ("sdfl", None) if choice is None else parse_detector(choice)
    options: dict[str, Any] = {"library": library} if kind == "sdfl" else {}
    if threshold is not None:
        options["threshold"] = _checked_threshold(threshold)
    detector: Detector = load_implementation("detector", kind, DETECTORS)(path, threads=threads, **options)
    return detector


def _checked_threshold(threshold: object) -> float:
    if isinstance(threshold, int | float | np.number) and 0 < threshold < 1:
        return float(threshold)
    raise ConfigError(f"detection_threshold must be a number between 0 and 1, got {shown(threshold)}")
