"""ModelSpec: what a model file says about itself. The runtime reads this and nothing else.

It travels as string pairs in the ONNX metadata (`sdfl.<field>`), so that no second file can get lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from sdfl.artifacts.names import PRECISIONS
from sdfl.errors import ArtifactError
from sdfl.layouts import LAYOUTS

PREFIX = "sdfl."
CROP_SCALE = 1.25  # side of the evaluation crop in longer sides of the landmark box; what networks are trained on
OPERATOR_DOMAIN, OPERATOR_NAME, OPERATOR_VERSION = "sdfl", "SparseGraphConv", 1  # docs/operator.md


@dataclass(frozen=True)
class ModelSpec:
    """Input, output and origin of a landmark model. All fields are checked together when it is made.

    Input `image`: (B, input_size, input_size, 3) uint8 in `colour_order`; `normalisation` says where mean and std are
    applied. Outputs: `points` (B, num_points, 2) in `output_unit`, `presence` (B,), `log_scale` (B, num_points).
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

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ArtifactError(f"layout must be one of {', '.join(LAYOUTS)}, got {self.layout!r}")
        expected = LAYOUTS[self.layout].num_points
        if self.num_points != expected:
            raise ArtifactError(f"num_points ({self.num_points}) contradicts layout {self.layout} ({expected} points)")
        if self.input_size < 32 or self.input_size % 32:
            raise ArtifactError(f"input_size must be a positive multiple of 32, got {self.input_size}")
        for key, value, allowed in (
            ("colour_order", self.colour_order, ("BGR",)),
            ("normalisation", self.normalisation, ("in-graph",)),
            ("output_unit", self.output_unit, ("crop px",)),
            ("precision", self.precision, PRECISIONS),
            ("operator_version", self.operator_version, (1,)),
        ):
            if value not in allowed:
                raise ArtifactError(f"{key} must be one of {', '.join(map(str, allowed))}, got {value!r}")
        if not self.crop_scale > 0:
            raise ArtifactError(f"crop_scale must be positive, got {self.crop_scale}")

    def to_metadata(self) -> dict[str, str]:
        """The pairs to store in a model file; values are JSON."""
        return {PREFIX + key: json.dumps(value) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], origin: str) -> ModelSpec:
        """Read what `to_metadata` wrote. Raises ArtifactError naming `origin` and the missing or wrong entry."""
        values = {}
        for field in fields(cls):
            key = PREFIX + field.name
            if key not in metadata:
                raise ArtifactError(
                    f"{origin}: metadata entry {key} is missing; export the model again with `sdfl export`"
                )
            try:
                values[field.name] = json.loads(metadata[key])
            except ValueError as error:
                raise ArtifactError(f"{origin}: metadata entry {key} is not readable: {metadata[key]!r}") from error
        try:
            return cls(**values)
        except (ArtifactError, TypeError) as error:
            raise ArtifactError(f"{origin}: {error}") from error
