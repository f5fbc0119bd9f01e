"""Loading OpenVINO without what only converts models: more than half of its memory and of its time to import."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any

from sdfl.errors import MissingDependency

CONVERTER = "openvino.tools.ovc"


class _WithoutConverter(MetaPathFinder):
    """OpenVINO does without its converter where that cannot be imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002
        if name == CONVERTER:
            raise ImportError(name)


def load_openvino() -> Any:
    """The module. Raises MissingDependency where it is not installed."""
    if sys.modules.get("openvino") is not None:
        return sys.modules["openvino"]
    finder = _WithoutConverter()
    sys.meta_path.insert(0, finder)
    try:
        openvino = import_module("openvino")
    except ImportError as error:
        raise MissingDependency("openvino") from error
    finally:
        sys.meta_path.remove(finder)
    if not hasattr(openvino, "convert_model"):
        openvino.convert_model = _convert_model  # type: ignore[attr-defined]  # for others in this process
    return openvino


def _convert_model(*arguments: Any, **options: Any) -> Any:
    """openvino.convert_model, imported when somebody wants it."""
    return import_module(CONVERTER).convert_model(*arguments, **options)
