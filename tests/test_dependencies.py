"""What the runtime needs can be installed from wheels where it is meant to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sdfl.config import read_toml

pytestmark = pytest.mark.slow

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
GLIBC = ("2_35", "2_34", "2_31", "2_28", "2_27", "2_17")  # all run on Ubuntu 22.04, which JetPack 6 is
NO_NETWORK = ("NewConnectionError", "Could not fetch", "Connection refused", "Temporary failure", "ProxyError")


@pytest.mark.parametrize(("machine", "python"), [("x86_64", "3.13"), ("aarch64", "3.10")])  # all: make resolve
def test_the_runtime_resolves_from_wheels_alone(machine: str, python: str, tmp_path: Path) -> None:
    project = read_toml(PYPROJECT)["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["headless"]]
    platforms = [word for glibc in GLIBC for word in ("--platform", f"manylinux_{glibc}_{machine}")]
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--only-binary=:all:",
        "--target", str(tmp_path), "--python-version", python, *platforms, *wanted,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if any(sign in done.stderr for sign in NO_NETWORK):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr.splitlines()[-1]
