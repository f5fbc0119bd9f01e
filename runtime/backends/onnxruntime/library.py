"""Importing ONNX Runtime. Its telemetry is off: `sdfl/__init__.py` sees to that before anything can load it."""

from __future__ import annotations

from typing import Any

from sdfl.errors import MissingDependency


def load_onnxruntime() -> Any:
    """The module `onnxruntime`.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependency("onnxruntime") from error
    return onnxruntime
