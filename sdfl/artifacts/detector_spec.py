"""DetectorSpec: what a face detector's file says about itself. It travels as string pairs in the ONNX metadata."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from sdfl.artifacts.landmark_spec import PREFIX
from sdfl.artifacts.names import PRECISIONS
from sdfl.artifacts.onnx_metadata import read_metadata
from sdfl.errors import ArtifactError

KIND = "face detector"
STRIDES = (8, 16, 32)
NUM_POINTS = 5


@dataclass(frozen=True)
class DetectorSpec:
    """Input `image`: (1, H, W, 3) uint8 BGR, sides multiples of 32. Output `cells`: (1, M, 15), of each cell of the
    strides 8, 16 and 32, row by row: score logit; centre x, y in strides from the cell's; log of width and height in
    strides; five points x, y in strides. The box is that of the 68 landmarks.

    threshold: score above which something is a face, chosen on validation pictures; threshold_protocol says how.
    """

    name: str
    threshold: float
    threshold_protocol: str = ""
    kind: str = KIND
    opset: int = 18
    precision: str = "fp32"
    graph_sha256: str = ""
    training_data: str = ""
    licence: str = ""
    git_commit: str = ""

    def __post_init__(self) -> None:
        if self.kind != KIND:
            raise ArtifactError(f"kind must be {KIND!r}, got {self.kind!r}")
        if not 0 < self.threshold < 1:
            raise ArtifactError(f"threshold must lie in 0..1, got {self.threshold}")
        if self.precision not in PRECISIONS:
            raise ArtifactError(f"precision must be one of {', '.join(PRECISIONS)}, got {self.precision!r}")

    def to_metadata(self) -> dict[str, str]:
        """The pairs to store in a model file; values are JSON."""
        return {PREFIX + key: json.dumps(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> DetectorSpec:
        """Read what `to_metadata` wrote. Raises ArtifactError naming `origin` and the missing or wrong entry."""
        if PREFIX + "threshold" not in metadata:
            raise ArtifactError(f"{origin}: is not a face detector of this project; take one that `sdfl export` wrote")
        try:
            return cls(**{field.name: json.loads(metadata[PREFIX + field.name]) for field in fields(cls)})
        except (KeyError, ValueError, TypeError, ArtifactError) as error:
            raise ArtifactError(f"{origin}: metadata of the face detector: {error}") from error


def read_detector_spec(path: Path) -> DetectorSpec:
    """The DetectorSpec of an ONNX file. Raises ArtifactError where it is missing, wrong or does not fit the graph."""
    metadata, graph_sha256 = read_metadata(path)
    spec = DetectorSpec.from_metadata(metadata, str(path))
    if spec.graph_sha256 != graph_sha256:
        raise ArtifactError(f"{path}: the graph was changed after its metadata was written; export the model again")
    return spec
