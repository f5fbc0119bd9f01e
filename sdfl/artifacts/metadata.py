"""A spec as string pairs in a model file's metadata: `sdfl.<field>`, each value in JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from sdfl.config import build
from sdfl.errors import ArtifactError, ConfigError, shown

PREFIX = "sdfl."
T = TypeVar("T")


def to_pairs(spec: Any) -> dict[str, str]:
    """The pairs to store for a dataclass."""
    return {PREFIX + key: json.dumps(value) for key, value in dataclasses.asdict(spec).items()}


def from_pairs(cls: type[T], metadata: Mapping[str, str], origin: str) -> T:
    """Read what `to_pairs` wrote.

    Args:
        cls: the dataclass.
        metadata: of a model file; entries that are not of the dataclass are ignored.
        origin: the file, for errors.

    Raises:
        ArtifactError: names `origin` and the entry that is missing, unreadable or wrong.
    """
    values = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        key = PREFIX + field.name
        if key not in metadata:
            raise ArtifactError(f"{origin}: metadata entry {key} is missing; export the model again with `sdfl export`")
        try:
            values[field.name] = json.loads(metadata[key])
        except (ValueError, RecursionError) as error:  # RecursionError of brackets in brackets
            raise ArtifactError(f"{origin}: metadata entry {key} is not readable: {shown(metadata[key])}") from error
    try:
        return build(cls, values)
    except (ArtifactError, ConfigError) as error:
        raise ArtifactError(f"{origin}: {error}") from error
