"""Building the native operator from the sources beside these tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def cmake(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run CMake, this environment's own first, in the project's folder; skip where it or a compiler is missing."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    program = shutil.which("cmake", path=path)
    if not program or not shutil.which("c++"):
        pytest.skip("cmake and a C++ compiler are needed to build the native operator")
    # A make that runs these tests tells those below it of its own jobs, and they warn where they cannot join in.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }
    command = [program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=False, env=environment | {"PATH": path}
    )


def build(preset: str, folder: Path, *options: str) -> Path:
    """Configure and build `preset` in `folder`, and return the folder that holds what was built."""
    configured = cmake("--preset", preset, "-B", folder, f"-DPython_EXECUTABLE={sys.executable}", *options)
    assert configured.returncode == 0, configured.stderr
    built = cmake("--build", folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warning" not in (built.stdout + built.stderr).lower(), built.stdout
    return folder / "convert" / "csrc"


@dataclass(frozen=True)
class Native:
    """What was built: the operator's reference implementation for the CPU, and the OpenVINO extension."""

    reference: Path
    extension: Path
