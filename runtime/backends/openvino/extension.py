"""Finding the compiled operator for OpenVINO, if it was built."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from sdfl.errors import ConfigError

EXTENSION_VARIABLE = "SDFL_OPENVINO_EXTENSION"
_INSTALLED = "sdfl/lib/libsdfl_openvino.so"


def find_extension() -> Path | None:
    """The library for `openvino.Core.add_extension`.

    Returns:
        The file that SDFL_OPENVINO_EXTENSION names, else the one of the package. None where there is none, and where
        the variable is empty: the operator then runs as standard operators.

    Raises:
        ConfigError: the named file does not exist.
    """
    named = os.environ.get(EXTENSION_VARIABLE)
    if named is not None:
        if named and not Path(named).is_file():
            raise ConfigError(f"{EXTENSION_VARIABLE} names {named}, which is no file")
        return Path(named) if named else None
    try:
        installed = Path(str(metadata.distribution("sdfl").locate_file(_INSTALLED)))
    except metadata.PackageNotFoundError:
        return None
    return installed if installed.is_file() else None
