"""Finding faces to begin with. The package's own network by default; a YuNet file in its place where one is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sdfl.errors import ConfigError
from sdfl.runtime.detector.fake import FakeDetector
from sdfl.runtime.detector.network import FACES, NetworkDetector
from sdfl.runtime.detector.yunet import YuNetDetector
from sdfl.types import Detector

Opener = Callable[[Path, "int | None"], Detector]
KINDS: dict[str, Opener] = {
    "sdfl": lambda path, threads: NetworkDetector(path, threads=threads),
    "yunet": lambda path, threads: YuNetDetector(path, threads=threads),
}


def open_detector(choice: str | None = None, *, threads: int | None = None) -> Detector:
    """choice: None for the built-in detector, else KIND:FILE with a kind of KINDS. Raises ConfigError or ArtifactError
    that says what to do."""
    if choice is None:
        return NetworkDetector(threads=threads)
    kind, colon, file = choice.partition(":")
    if kind not in KINDS or not colon or not file:
        wanted = " or ".join(f"{name}:FILE" for name in KINDS)
        raise ConfigError(f"--detector must be {wanted}, got {choice!r}; leave it out for the built-in one")
    return KINDS[kind](Path(file).expanduser(), threads)


__all__ = ["FACES", "FakeDetector", "NetworkDetector", "YuNetDetector", "open_detector"]
