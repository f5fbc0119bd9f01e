"""What a model file of any kind says about itself, without the library that runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.artifacts.names import ENGINE, OPENVINO_IR
from sdfl.artifacts.onnx_metadata import read_spec as read_onnx_spec
from sdfl.artifacts.passport import Passport, read_passport
from sdfl.errors import ArtifactError

RT_INFO = ("sdfl", "passport")  # where an OpenVINO IR keeps it


def read_spec(path: Path) -> ModelSpec:
    """The ModelSpec of an .onnx, .xml or .engine file. Raises ArtifactError where it is missing or wrong."""
    passport = read_built(path)
    return passport.spec(str(path)) if passport else read_onnx_spec(path)


def read_built(path: Path) -> Passport | None:
    """The passport of an artifact that `sdfl build` made, None for an ONNX file."""
    reader = _READERS.get(path.suffix)
    return reader(path) if reader else None


def _ir_passport(path: Path) -> Passport:
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ArtifactError(f"{path}: is not a complete OpenVINO IR; build it again with `sdfl build`") from error
    entry = root.find("/".join(("rt_info", *RT_INFO)))
    if entry is None:
        raise ArtifactError(f"{path}: was not made by `sdfl build`: its rt_info holds no passport")
    return Passport.from_json(entry.get("value", ""), str(path))


_READERS: dict[str, Callable[[Path], Passport]] = {OPENVINO_IR: _ir_passport, ENGINE: read_passport}
