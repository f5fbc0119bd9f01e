"""Reading a checkpoint's file: is it whole, and is every entry what it must be? Nothing behind this asks again."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sdfl.errors import CheckpointError, shown

FORMAT = "sdfl-checkpoint-1"
LARGEST_WEIGHT = 1e12  # far beyond those of any network that computes something
_REQUIRED = ("model", "weights")
_OF_TRAINING = ("average", "average_steps", "optimizer")  # all of them or none


def load_torch_file(path: Path) -> Any:
    """What a file of `torch.save` holds, after a check of the CRC-32 of each part, which torch leaves out.

    Raises:
        CheckpointError: the file is missing, cut off, damaged or something else.
    """
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as parts:
                    if (damaged := parts.testzip()) is not None:
                        raise ValueError(f"{damaged} does not match its checksum")
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # zipfile, pickle and torch raise whatever damage leads them to
        raise CheckpointError(f"{path}: is not a complete file of torch, or is damaged") from error


def read_content(path: Path) -> Mapping[str, Any]:
    """The entries of a checkpoint, each of its type, and the weights finite numbers.

    Raises:
        CheckpointError: names the file, and the entry that is missing or wrong.
    """
    try:
        content = load_torch_file(path)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; train again or take an older one") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is not an SDFL checkpoint ({FORMAT})")
    required = (*_REQUIRED, *(_OF_TRAINING if "optimizer" in content else ()))
    for key in required:
        if content.get(key) is None:
            raise CheckpointError(f"{path}: is not a complete checkpoint: it has no {key!r}")
    for key, (is_right, words) in _ENTRIES.items():
        if content.get(key) is not None and not is_right(content[key]):
            raise CheckpointError(f"{path}: its entry {key!r} must be {words}, got {shown(content[key])}")
    for key in ("weights", "average"):
        _require_usable(path, key, content.get(key) or {})
    return content


def _require_usable(path: Path, key: str, weights: Mapping[str, Any]) -> None:
    for name, tensor in weights.items():
        if not isinstance(tensor, Tensor) or tensor.layout != torch.strided or tensor.is_complex():
            raise CheckpointError(f"{path}: {key}[{shown(name)}] is no array of real numbers")
        if not bool((tensor.abs() <= LARGEST_WEIGHT).all()):  # False for NaN
            raise CheckpointError(f"{path}: {key}[{shown(name)}] holds NaN or a number beyond {LARGEST_WEIGHT:g}")


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_weights(value: Any) -> bool:
    return _is_table(value) and all(re.fullmatch(r"[\w.]+", key) for key in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40


def _is_recipe(value: Any) -> bool:
    if not _is_table(value) or not _is_table(about := value.get("about", {})):
        return False
    return all(isinstance(text, str) for text in about.values())


def _is_quantization(value: Any) -> bool:
    layers = value.get("float_layers") if _is_table(value) else None
    return isinstance(layers, list | tuple) and all(isinstance(layer, str) for layer in layers)


def _is_scores(value: Any) -> bool:
    """Figures, None where there is none, and words about them, as `Evaluation.summary` gives them."""
    return _is_table(value) and all(isinstance(score, int | float | str | None) for score in value.values())


_Check = tuple[Callable[[Any], bool], str]
_ENTRIES: dict[str, _Check] = {
    "model": (_is_table, "a table"),
    "weights": (_is_weights, "a table of layers"),
    "average": (_is_weights, "a table of layers"),
    "average_steps": (_is_count, "a number of steps"),
    "optimizer": (_is_table, "a table"),
    "step": (_is_count, "a number of steps"),
    "epoch": (_is_count, "a number of epochs"),
    "kind": (lambda value: isinstance(value, str), "text"),
    "recipe": (_is_recipe, "a table whose section about holds texts"),
    "quantization": (_is_quantization, "a table with the texts float_layers"),
    "validation": (_is_scores, "a table of numbers and texts"),
}
