"""`sdfl build`: an artifact for one target from one source ONNX, with its passport.

Needs no torch, but for LiteRT.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdfl.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    from sdfl.convert.engines.layers import Built
    from sdfl.convert.engines.plan import BuildPlan
    from sdfl.convert.engines.progress import Step

BUILDERS = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt", "openvino": "openvino_ir", "litert": "litert"}
NEEDS = {"tensorrt": ("onnx",), "tensorrt-rtx": ("onnx",), "openvino": (), "litert": ("onnx", "torch")}


def run_build(plan: BuildPlan, step: Step) -> Built:
    """Build an artifact.

    Args:
        plan: what to build.
        step: told what is done now, how many steps are done, and how many there are.

    Raises:
        ConfigError: `plan.out` cannot be written.
        SdflError: the target's library or GPU is missing.
        ArtifactError: the target's library refuses the model.
    """
    _require_writable(plan.out)
    builder: Callable[[Any, Any], Built] = import_module(f"sdfl.convert.engines.{BUILDERS[plan.target]}").build
    return builder(plan, step)


def _require_writable(out: Path) -> None:
    """Before minutes are spent. Raises ConfigError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--out {out}: its folder cannot be made ({error.strerror})") from error
    if not os.access(out.parent, os.W_OK):
        raise ConfigError(f"--out {out}: the folder {out.parent} may not be written to")


def write_copy(plan: BuildPlan, out: Path, *, typed: bool) -> None:
    """Write the ONNX that TensorRT gets, for other tools.

    Args:
        plan: what the copy is for.
        out: the file to write.
        typed: for TensorRT 11, which computes in the types of the file.
    """
    from sdfl.convert.engines.onnx_copy import make_copy
    from sdfl.files import atomic_path

    with atomic_path(out) as temporary:
        temporary.write_bytes(make_copy(plan.source, plan.copy_options(typed=typed)).SerializeToString())


def require_packages(target: str) -> None:
    """Check that what a target needs besides its own library is installed.

    Args:
        target: a key of BUILDERS.

    Raises:
        MissingDependency: it is not.
    """
    for package in NEEDS[target]:
        try:
            import_module(package)
        except ModuleNotFoundError as error:
            alone = target == "litert"
            raise MissingDependency(package, extra="litert-convert" if alone else "tensorrt", alone=alone) from error
