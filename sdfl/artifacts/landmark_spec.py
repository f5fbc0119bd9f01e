"""ModelSpec: what a model file says about itself. The runtime reads this and nothing else.

It travels as string pairs in the ONNX metadata (`sdfl.<field>`), so that no second file can get lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdfl.artifacts.metadata import from_pairs, to_pairs
from sdfl.artifacts.names import PRECISIONS
from sdfl.artifacts.self_test import Expected, check_expected
from sdfl.checks import require_within
from sdfl.errors import ArtifactError, shown
from sdfl.layouts import LAYOUTS

CROP_SCALE = 1.25  # side of the evaluation crop in longer sides of the landmark box; what networks are trained on
OPERATOR_DOMAIN, OPERATOR_NAME, OPERATOR_VERSION = "sdfl", "SparseGraphConv", 1  # docs/reference/operator.md

RANGES = {"input_size": (32, 1024), "crop_scale": (0.5, 4), "opset": (1, 100), "nme_percent": (0, 1000)}


@dataclass(frozen=True)
class ModelSpec:
    """Input, output and origin of a landmark model. All fields are checked together when it is made.

    The input `image` is (B, input_size, input_size, 3) uint8. The outputs are `points` (B, num_points, 2), `presence`
    (B,) and `log_scale` (B, num_points).

    Attributes:
        name: what the model is called.
        layout: order of the points, a name of `sdfl.layouts.LAYOUTS`.
        num_points: N of the layout.
        input_size: side of the crops, px.
        crop_scale: side of the crop in longer sides of the box around the landmarks.
        colour_order: of the channels.
        normalisation: where mean and standard deviation are applied.
        output_unit: of `points`.
        opset: version of ONNX's operators.
        precision: of the weights, one of `sdfl.artifacts.names.PRECISIONS`.
        operator_version: version of the graph operator.
        graph_sha256: hash of the file's graph.
        training_data: what it was trained on, in words.
        licence: the terms of its use, in words.
        nme_percent: its accuracy, None where it was not measured.
        nme_protocol: on which pictures and how that was measured, in words.
        git_commit: of the code that exported it.
        self_test: what it finds in the drawn faces 0, 1, ...; empty in a file that was not measured yet.

    Raises:
        ArtifactError: names the field that is wrong or contradicts another one.
    """

    name: str
    layout: str
    num_points: int
    input_size: int
    crop_scale: float = CROP_SCALE
    colour_order: str = "BGR"
    normalisation: str = "in-graph"
    output_unit: str = "crop px"
    opset: int = 18
    precision: str = "fp32"
    operator_version: int = 1
    graph_sha256: str = ""
    training_data: str = ""
    licence: str = ""
    nme_percent: float | None = None
    nme_protocol: str = ""
    git_commit: str = ""
    self_test: tuple[Expected, ...] = ()

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ArtifactError(f"layout must be one of {', '.join(LAYOUTS)}, got {shown(self.layout)}")
        expected = LAYOUTS[self.layout].num_points
        if self.num_points != expected:
            raise ArtifactError(f"num_points ({self.num_points}) contradicts layout {self.layout} ({expected} points)")
        if self.input_size < 32 or self.input_size % 32:
            raise ArtifactError(f"input_size must be a positive multiple of 32, got {shown(self.input_size)}")
        for key, value, allowed in (
            ("colour_order", self.colour_order, ("BGR",)),
            ("normalisation", self.normalisation, ("in-graph",)),
            ("output_unit", self.output_unit, ("crop px",)),
            ("precision", self.precision, PRECISIONS),
            ("operator_version", self.operator_version, (1,)),
        ):
            if value not in allowed:
                raise ArtifactError(f"{key} must be one of {', '.join(map(str, allowed))}, got {shown(value)}")
        for key, (low, high) in RANGES.items():
            if (number := getattr(self, key)) is not None:
                require_within(key, number, low, high, ArtifactError)
        check_expected(self.self_test, self.num_points)

    def to_metadata(self) -> dict[str, str]:
        """The pairs to store in a model file; values are JSON."""
        return to_pairs(self)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> ModelSpec:
        """Read what `to_metadata` wrote.

        Args:
            metadata: of a model file.
            origin: the file, for errors.

        Raises:
            ArtifactError: names `origin` and the entry that is missing or wrong.
        """
        return from_pairs(cls, metadata, origin)
