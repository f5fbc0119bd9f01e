"""What the steps share: where things are built, and how one step is described."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdfl.benchmarks.gpu.machine import Machine, search_path
from sdfl.benchmarks.gpu.process import Finished
from sdfl.errors import PROJECT, SdflError, install_command

Command = list[str | Path]


class NotRun(SdflError):
    """A step found that it cannot be run here; the message says why."""


@dataclass(frozen=True)
class Workplace:
    """Where a run builds and finds things.

    Attributes:
        machine: the computer.
        folder: everything is written below it.
        project: the checkout.
    """

    machine: Machine
    folder: Path
    project: Path = PROJECT

    @property
    def kernel(self) -> Path:
        """Library of the CUDA kernel."""
        return self.folder / "kernel" / "convert" / "csrc" / "cuda" / "libsdfl_cuda.so"

    @property
    def plugin(self) -> Path:
        """Library of the TensorRT plugin."""
        return self.folder / "plugin" / "convert" / "csrc" / "tensorrt" / "libsdfl_tensorrt.so"

    @property
    def vectors(self) -> Path:
        """The test vectors, as the native programs read them."""
        return self.folder / "vectors.bin"

    @property
    def engines(self) -> Path:
        """The folder of the engines."""
        return self.folder / "engines"

    def program(self, name: str) -> Path:
        """A program of `convert/csrc/tests`, by its name without "sdfl_"."""
        part = "plugin" if name == "plugin_registry" else "kernel"
        return self.folder / part / "convert" / "csrc" / "tests" / f"sdfl_{name}"

    def environment(self) -> dict[str, str]:
        """Variables of every process that is started."""
        variables = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        paths = [str(self.project), os.environ.get("PYTHONPATH", "")]
        variables |= {"PATH": search_path(), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        variables["COLUMNS"] = "400"  # pytest's summary keeps the reason of a failure
        built = {"SDFL_CUDA_LIBRARY": self.kernel, "SDFL_TENSORRT_PLUGIN": self.plugin}
        return variables | {name: str(path) for name, path in built.items() if path.is_file()}


@dataclass(frozen=True)
class Step:
    """One row of the table.

    Attributes:
        name: of the step.
        limit_s: how long all of its commands may take.
        prepare: gives its commands; raises NotRun where something is missing.
        read: what it measured, from what its commands printed; may raise NotRun, or ValueError where it is no result.
    """

    name: str
    limit_s: float
    prepare: Callable[[Workplace], list[Command]]
    read: Callable[[Workplace, Sequence[Finished]], dict[str, Any]]


def python(*arguments: str | Path) -> Command:
    """This Python with arguments."""
    return [sys.executable, *arguments]


def require_modules(*names: str) -> None:
    """Check that Python finds modules, without importing them.

    Raises:
        NotRun: names those that are missing, and the command.
    """
    missing = [name for name in names if not is_installed(name)]
    if missing:
        extras = "headless,tensorrt,dev"
        verb = "is" if len(missing) == 1 else "are"
        raise NotRun(f"{', '.join(missing)} {verb} not installed; install with: {install_command(extras)}")


def is_installed(name: str) -> bool:
    """Whether Python finds a module, which may lie in a package."""
    try:
        return find_spec(name) is not None
    except (ModuleNotFoundError, ValueError):
        return name in sys.modules


def require_file(path: Path, otherwise: str) -> Path:
    """A file that an earlier step makes.

    Raises:
        NotRun: it is not there; says `otherwise`.
    """
    if not path.is_file():
        raise NotRun(otherwise)
    return path
