"""Importing ONNX Runtime so that it reports to nobody."""

from __future__ import annotations

import os
from typing import Any

from sdfl.errors import MissingDependency

# From 1.32 on the library makes an id of this computer and looks up a host of Microsoft when it is loaded, unless this
# variable is set before.
TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"


def load_onnxruntime() -> Any:
    """The module `onnxruntime`. No other code of this package imports it.

    Raises:
        MissingDependency: it is not installed.
    """
    os.environ[TELEMETRY_VARIABLE] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependency("onnxruntime") from error
    return onnxruntime
