"""Importing OpenVINO without its model converter, which takes most of its import time and memory."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any

from sdfl.errors import MissingDependency

CONVERTER = "openvino.tools.ovc"


class _WithoutConverter(MetaPathFinder):
    """Makes the import of the converter fail; OpenVINO then does without it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002
        if name == CONVERTER:
            raise ImportError(name)


def load_openvino() -> Any:
    """The module `openvino`.

    Raises:
        MissingDependency: it is not installed.
    """
    if sys.modules.get("openvino") is not None:
        return import_module("openvino")  # waits where another thread is importing it
    finder = _WithoutConverter()
    sys.meta_path.insert(0, finder)
    try:
        openvino = import_module("openvino")
    except ImportError as error:
        raise MissingDependency("openvino") from error
    finally:
        sys.meta_path.remove(finder)
    if not hasattr(openvino, "convert_model"):
        openvino.convert_model = _convert_model  # type: ignore[attr-defined]  # other code of this process may want it
    return openvino


def _convert_model(*arguments: Any, **options: Any) -> Any:
    """`openvino.convert_model`, imported when it is called."""
    return import_module(CONVERTER).convert_model(*arguments, **options)
