"""What the runtime needs from an ONNX file, without the `onnx` package: its metadata, and whether it is whole.

ModelProto is a flat list of protobuf fields: graph is field 7, metadata_props are fields 14 (key 1, value 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.metadata import PREFIX
from sdfl.artifacts.seal import OF_ONNX
from sdfl.errors import ArtifactError

GRAPH_FIELD, METADATA_FIELD = 7, 14
_FIXED_BYTES = {1: 8, 5: 4}  # wire type -> length
_VARINT_BITS = 64  # of protobuf's longest integer


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, _VARINT_BITS, 7):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
    raise ValueError("an integer of more than 64 bits")


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


def _read(path: Path) -> memoryview:
    try:
        return memoryview(path.read_bytes())
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read ({error.strerror})") from error


def _parse(content: memoryview, path: Path) -> tuple[dict[str, str], str]:
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


def read_metadata(path: Path) -> tuple[dict[str, str], str]:
    """Read what an ONNX file states about itself, whether it is as it was written or not.

    Returns:
        The metadata's pairs, and the SHA-256 of the serialized graph.

    Raises:
        ArtifactError: names the file that is missing, cut off or something else.
    """
    return _parse(_read(path), path)


def read_unchanged(path: Path) -> dict[str, str]:
    """Read what an ONNX file states about itself, if every byte is as it was written.

    Returns:
        The metadata's pairs; of a file without an entry of this project, without a check.

    Raises:
        ArtifactError: names the file that is missing, cut off, damaged, changed or something else.
    """
    content = _read(path)
    metadata, graph_sha256 = _parse(content, path)
    if not any(key.startswith(PREFIX) for key in metadata):
        return metadata
    if metadata.get(PREFIX + "graph_sha256", graph_sha256).strip('"') != graph_sha256:
        raise ArtifactError(f"{path}: the graph was changed after its metadata was written; export the model again")
    if not OF_ONNX.fits(content):
        raise ArtifactError(
            f"{path}: does not match the hash of itself, so it is damaged or was changed after the export; copy the "
            "file again, or export the model again with `sdfl export`"
        )
    return metadata


def read_spec(path: Path) -> ModelSpec:
    """Read the ModelSpec of an ONNX file.

    Raises:
        ArtifactError: it is missing or wrong, or the file was damaged or changed.
    """
    metadata = read_unchanged(path)
    if PREFIX + "kind" in metadata:
        kind = metadata[PREFIX + "kind"].strip('"')  # a string in JSON
        raise ArtifactError(f"{path}: is a {kind}, not a landmark model")
    return ModelSpec.from_metadata(metadata, str(path))
