"""Which layers of an engine compute in int8: by its inspector where a GPU can load it, else by the log of its build."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.artifacts.passport import Passport

CONVOLUTION = re.compile(r"conv|correlation", re.IGNORECASE)
_LOGGED = re.compile(
    r"Name: (?P<name>[^,]+), LayerType: (?P<kind>[^,]+), Inputs: \[(?P<inputs>.*?)\], (?:Constants|Outputs)"
)
_TYPE = re.compile(r"Datatype: (\w+)")


@dataclass(frozen=True)
class Layer:
    """A layer of an engine.

    Attributes:
        name: as TensorRT calls it.
        kind: what it computes.
        types: of its inputs, as TensorRT calls them ("Int8", "Half", "Float").
    """

    name: str
    kind: str
    types: tuple[str, ...]

    @property
    def is_convolution(self) -> bool:
        """Whether it computes a convolution, by the name of its kind."""
        return bool(CONVOLUTION.search(self.kind))

    @property
    def is_int8(self) -> bool:
        """Whether its first input is int8."""
        return bool(self.types) and self.types[0].startswith("Int8")


@dataclass(frozen=True)
class Built:
    """What a build gives.

    Attributes:
        path: the artifact.
        passport: of the artifact.
        layers: of an engine, empty where TensorRT did not tell them.
    """

    path: Path
    passport: Passport
    layers: tuple[Layer, ...]


def layers_from_log(messages: Iterable[str]) -> list[Layer]:
    """Read what TensorRT-RTX writes about the fused graph in its verbose log."""
    found = (_LOGGED.search(line) for message in messages if "LayerType" in message for line in message.splitlines())
    return [
        Layer(match["name"].strip(), match["kind"].strip(), tuple(_TYPE.findall(match["inputs"])))
        for match in found
        if match
    ]


def layers_from_inspector(text: str) -> list[Layer]:
    """Read an EngineInspector's JSON.

    Args:
        text: the JSON. Without detailed verbosity it holds names alone, and no layer comes out.
    """
    layers = json.loads(text).get("Layers", [])
    return [_from_table(layer) for layer in layers if isinstance(layer, dict)]


def _from_table(layer: dict[str, Any]) -> Layer:
    types = []
    for tensor in layer.get("Inputs", ()):
        keys = {key.lower(): str(value) for key, value in tensor.items()}
        text = keys.get("datatype") or keys.get("format/datatype") or ""  # TensorRT 11 has them apart
        types.append(next((name for name in ("Int8", "Half", "FP16", "Float", "FP32") if name in text), text))
    return Layer(str(layer.get("Name", "")), str(layer.get("LayerType", "")), tuple(types))


def slow_layers(layers: Iterable[Layer]) -> list[str]:
    """Names of the convolutions that an int8 engine computes in float: each one costs two changes of type as well."""
    return [layer.name for layer in layers if layer.is_convolution and layer.types and not layer.is_int8]
