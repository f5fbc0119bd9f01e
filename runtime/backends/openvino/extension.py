"""Where the compiled operator for OpenVINO lies, if it was built for the OpenVINO that is installed."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path

from sdfl.errors import ConfigError

EXTENSION_VARIABLE = "SDFL_OPENVINO_EXTENSION"
_LIBRARY, _VERSION = "sdfl/lib/libsdfl_openvino.so", "sdfl/lib/libsdfl_openvino.version"


def find_extension() -> Path | None:
    """The library for `openvino.Core.add_extension`.

    Returns:
        The file that SDFL_OPENVINO_EXTENSION names, else the package's own where it was built for the installed
        OpenVINO. None where there is neither, and where the variable is empty: the operator then runs as standard
        operators.

    Raises:
        ConfigError: the named file does not exist.
    """
    named = os.environ.get(EXTENSION_VARIABLE)
    if named is not None:
        if named and not Path(named).is_file():
            raise ConfigError(f"{EXTENSION_VARIABLE} names {named}, which is no file")
        return Path(named) if named else None
    library = _installed(_LIBRARY)
    return library if library is not None and not why_unusable() else None


def why_unusable() -> str:
    """One sentence where the package holds a library for another OpenVINO, else ""."""
    version = _installed(_VERSION)
    if version is None:
        return ""
    built_for, installed = version.read_text(encoding="utf-8").strip(), _openvino_version()
    if built_for == installed:
        return ""
    return f"built for OpenVINO {built_for}, here is {installed or 'none'}; install sdfl again to build it anew"


def _installed(name: str) -> Path | None:
    """A file of the installed package, None where it is missing."""
    found = _distribution("sdfl", tuple(sys.path))
    path = found[0] / name if found else None
    return path if path is not None and path.is_file() else None


def _openvino_version() -> str:
    found = _distribution("openvino", tuple(sys.path))
    return found[1] if found else ""


@lru_cache
def _distribution(package: str, folders: tuple[str, ...]) -> tuple[Path, str] | None:
    """Where an installed package lies, and its version.

    `importlib.metadata` tells the same, but loading it takes 20 ms, a tenth of the time until the first landmarks.

    Args:
        package: its name.
        folders: that Python imports from.
    """
    for folder in filter(None, folders):
        for info in Path(folder).glob(f"{package}-*.dist-info"):
            return Path(folder), info.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return None
