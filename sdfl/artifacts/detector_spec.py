"""DetectorSpec: what a face detector's file says about itself. It travels as string pairs in the ONNX metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdfl.artifacts.metadata import PREFIX, from_pairs, to_pairs
from sdfl.artifacts.names import PRECISIONS
from sdfl.artifacts.onnx_metadata import read_unchanged
from sdfl.artifacts.self_test import Expected, check_expected
from sdfl.checks import require_within
from sdfl.errors import ArtifactError, shown

KIND = "face detector"
STRIDES = (8, 16, 32)
NUM_POINTS = 5


@dataclass(frozen=True)
class DetectorSpec:
    """Input, output and origin of a face detector. All fields are checked together when it is made.

    The input `image` is (1, H, W, 3) uint8 BGR; H and W are multiples of 32. The output `cells` is (1, M, 15), for each
    cell of the strides 8, 16 and 32, row by row: the score as a logit; the box's centre x, y in strides from the
    cell's; the logarithm of width and height in strides; five points x, y in strides. The box is the one around the 68
    landmarks.

    Attributes:
        name: what the detector is called.
        threshold: score from which on something is a face, between 0 and 1.
        threshold_protocol: how it was chosen, in words; "" where it is provisional.
        kind: tells a detector's file from a landmark model's.
        opset: version of ONNX's operators.
        precision: of the weights, one of `sdfl.artifacts.names.PRECISIONS`.
        graph_sha256: hash of the file's graph.
        training_data: what it was trained on, in words.
        licence: the terms of its use, in words.
        git_commit: of the code that exported it.
        self_test: what it finds in the drawn scenes 0, 1, ...: two corners of the best box, then its five points; empty
            in a file that was not measured yet.

    Raises:
        ArtifactError: names the field that is wrong.
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
    self_test: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        if self.kind != KIND:
            raise ArtifactError(f"kind must be {KIND!r}, got {shown(self.kind)}")
        if not 0 < self.threshold < 1:
            raise ArtifactError(f"threshold must lie in 0..1, got {self.threshold}")
        if self.precision not in PRECISIONS:
            raise ArtifactError(f"precision must be one of {', '.join(PRECISIONS)}, got {shown(self.precision)}")
        require_within("opset", self.opset, 1, 100, ArtifactError)
        check_expected(self.self_test, 2 + NUM_POINTS)

    def to_metadata(self) -> dict[str, str]:
        """The pairs to store in a model file; values are JSON."""
        return to_pairs(self)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> DetectorSpec:
        """Read what `to_metadata` wrote.

        Args:
            metadata: of a model file.
            origin: the file, for errors.

        Raises:
            ArtifactError: names `origin` and the entry that is missing or wrong.
        """
        if PREFIX + "threshold" not in metadata:
            raise ArtifactError(f"{origin}: is not a face detector of this project; take one that `sdfl export` wrote")
        return from_pairs(cls, metadata, origin)


def read_detector_spec(path: Path) -> DetectorSpec:
    """Read the DetectorSpec of an ONNX file.

    Raises:
        ArtifactError: it is missing or wrong, or the file was damaged or changed.
    """
    return DetectorSpec.from_metadata(read_unchanged(path), str(path))
