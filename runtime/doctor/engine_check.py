"""Whether an engine was built for this computer."""

from __future__ import annotations

from pathlib import Path

from sdfl.artifacts.passport import check_passport, read_passport
from sdfl.errors import SdflError
from sdfl.runtime.backends.cuda.open import read_gpu
from sdfl.runtime.backends.tensorrt.library import find_plugin, load_library


def check_engine(path: Path) -> str:
    """One sentence about an engine; nothing of it is loaded.

    Args:
        path: of the engine; its passport lies beside it.

    Returns:
        That it was built for this computer and whether it was verified, or why it cannot be used here.
    """
    try:
        passport = read_passport(path)
        plugin = find_plugin() if passport.plugin_sha256 else None
        version = load_library(passport.target).__version__
        check_passport(path, passport, library_version=version, gpu=read_gpu(), plugin=plugin)
    except SdflError as error:
        return str(error)
    verified = passport.verified or {}
    last = f"verified, {verified['mean_px']:.3f} px on average" if verified.get("passed") else "not verified yet"
    return f"{path}: was built for this machine; {last}"
