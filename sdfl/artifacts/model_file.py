"""What a model file of any kind says about itself, without the library that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.litert_file import read_passport as read_litert_passport
from sdfl.artifacts.names import ENGINE, LITERT, OPENVINO_IR
from sdfl.artifacts.onnx_metadata import read_spec as read_onnx_spec
from sdfl.artifacts.passport import Passport, read_passport, sha256_of
from sdfl.artifacts.seal import OF_IR
from sdfl.errors import ArtifactError

RT_INFO = ("sdfl", "passport")  # where an OpenVINO IR keeps it


def read_spec(path: Path) -> ModelSpec:
    """Read the ModelSpec of an .onnx, .xml, .engine or .tflite file.

    Raises:
        ArtifactError: it is missing or wrong.
    """
    passport = read_built(path)
    return passport.spec(str(path)) if passport else read_onnx_spec(path)


def read_built(path: Path) -> Passport | None:
    """Read the passport of an artifact that `sdfl build` made.

    Returns:
        None for an ONNX file.

    Raises:
        ArtifactError: the passport is missing or damaged.
    """
    reader = _READERS.get(path.suffix)
    return reader(path) if reader else None


def describe_files(files: Mapping[str, Path]) -> dict[str, Any]:
    """Describe the ONNX files of one model.

    Args:
        files: precision -> file; the first one speaks for the model.

    Returns:
        What the model states about itself, and size and SHA-256 of each file.

    Raises:
        ArtifactError: a file cannot be read, or is no model.
    """
    spec = read_onnx_spec(next(iter(files.values())))
    return {
        "nme_percent": spec.nme_percent,
        "nme_protocol": spec.nme_protocol,
        "layout": spec.layout,
        "input_size": spec.input_size,
        "megabytes": {precision: round(path.stat().st_size / 1e6, 2) for precision, path in files.items()},
        "sha256": {precision: sha256_of(path) for precision, path in files.items()},
        "training_data": spec.training_data,
        "licence": spec.licence,
        "git_commit": spec.git_commit,
    }


def _ir_passport(path: Path) -> Passport:
    try:
        content = path.read_bytes()
        root = ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:  # the last two of an encoding
        raise ArtifactError(f"{path}: is not a complete OpenVINO IR; build it again with `sdfl build`") from error
    entry = root.find("/".join(("rt_info", *RT_INFO)))
    if entry is None:
        raise ArtifactError(f"{path}: was not made by `sdfl build`: its rt_info holds no passport")
    if not OF_IR.fits(content):
        raise ArtifactError(
            f"{path}: does not match the hash of itself, so it is damaged or was changed after it was built; copy it "
            "again, or build it again with `sdfl build`"
        )
    passport = Passport.from_json(entry.get("value", ""), str(path))
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        raise ArtifactError(f"{path}: its weights {weights.name} are missing; copy both, or: {passport.rebuild}")
    if sha256_of(weights) != passport.artifact_sha256:
        raise ArtifactError(
            f"{weights}: is not what {path.name} was built with (damaged, or of another build); copy both again, or: "
            f"{passport.rebuild}"
        )
    return passport


_READERS: dict[str, Callable[[Path], Passport]] = {
    OPENVINO_IR: _ir_passport,
    ENGINE: read_passport,
    LITERT: read_litert_passport,
}
