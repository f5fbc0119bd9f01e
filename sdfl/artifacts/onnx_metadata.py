"""The two things the runtime needs from an ONNX file, without the `onnx` package: its metadata and its graph's hash.

ModelProto is a flat list of protobuf fields: graph is field 7, metadata_props are fields 14 (key 1, value 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.metadata import PREFIX
from sdfl.errors import ArtifactError

GRAPH_FIELD, METADATA_FIELD = 7, 14
_FIXED_BYTES = {1: 8, 5: 4}  # wire type -> length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (field number, content) of one message; raises ValueError or IndexError where it is cut off."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            _, end = _varint(data, at)
        elif wire == 2:
            length, at = _varint(data, at)
            end = at + length
        elif wire in _FIXED_BYTES:
            end = at + _FIXED_BYTES[wire]
        else:
            raise ValueError(f"wire type {wire}")
        if end > len(data):
            raise ValueError("cut off")
        yield tag >> 3, data[at:end]
        at = end


def read_metadata(path: Path) -> tuple[dict[str, str], str]:
    """Read what an ONNX file states about itself.

    Returns:
        The metadata's pairs, and the SHA-256 of the serialized graph.

    Raises:
        ArtifactError: names the file that is missing, cut off or something else.
    """
    try:
        content = memoryview(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error
    metadata, graph_sha256 = {}, ""
    try:
        for number, value in _fields(content):
            if number == GRAPH_FIELD:
                graph_sha256 = hashlib.sha256(value).hexdigest()
            elif number == METADATA_FIELD:
                pair = dict(_fields(value))
                metadata[bytes(pair[1]).decode()] = bytes(pair[2]).decode()
    except (ValueError, IndexError, KeyError) as error:
        raise ArtifactError(f"{path}: is not a complete ONNX file; copy or export it again") from error
    if not graph_sha256:
        raise ArtifactError(f"{path}: is not a complete ONNX file; copy or export it again")
    return metadata, graph_sha256


def read_spec(path: Path) -> ModelSpec:
    """Read the ModelSpec of an ONNX file.

    Raises:
        ArtifactError: it is missing, wrong or does not fit the graph.
    """
    metadata, graph_sha256 = read_metadata(path)
    if PREFIX + "kind" in metadata:
        kind = metadata[PREFIX + "kind"].strip('"')  # a string in JSON
        raise ArtifactError(f"{path}: is a {kind}, not a landmark model")
    spec = ModelSpec.from_metadata(metadata, str(path))
    if spec.graph_sha256 != graph_sha256:
        raise ArtifactError(f"{path}: the graph was changed after its metadata was written; export the model again")
    return spec
