"""An arm64 system in a folder: Debian's Python, wheels for aarch64, and the project's own wheel compiled for it.

Nothing in the system is run while it is made, and it is used without chroot or mounts: QEMU's `-L` looks files up in
the folder first. So no rights are needed, and /proc and /sys are those of this computer.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from native_build import PROJECT

from arm64.machines import find_emulator
from sdfl.errors import SdflError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SUITE, PYTHON = "bookworm", "3.11"  # Debian 12
SYSTEM_PACKAGES = ("python3-minimal", "libpython3-stdlib", "libstdc++6", "libgomp1")
EXTRAS = ("headless", "demo", "openvino", "litert")
# glibc 2.36: wheels for it and for older ones, newest first.
PLATFORMS = tuple(f"manylinux_2_{minor}_aarch64" for minor in range(36, 16, -1)) + ("manylinux2014_aarch64",)
CROSS_COMPILER = {
    "CMAKE_SYSTEM_NAME": "Linux",
    "CMAKE_SYSTEM_PROCESSOR": "aarch64",
    "CMAKE_CXX_COMPILER": "aarch64-linux-gnu-g++",
}


def install(folder: Path) -> None:
    """Make `folder/root`, `folder/packages` and the program `folder/python`; what is there already is kept.

    Raises:
        SdflError: a program that is needed fails; with its last line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _make_root(folder / "root")
    _install_wheels(folder / "packages")
    _install_project(folder)
    _write_python(folder)


def cross_definitions(packages: Path) -> dict[str, str]:
    """CMake's variables for compiling against the OpenVINO in `packages`."""
    return CROSS_COMPILER | {"OpenVINO_DIR": str(packages / "openvino" / "cmake")}


def debian_mirror(policy: str) -> str | None:
    """The first mirror of Debian that this computer uses, None where it uses none.

    Args:
        policy: what `apt-cache policy` printed.
    """
    found = re.search(r"^\s*\d+ (\S+) \S+/main .*\n\s+release .*\bl=Debian,", policy, re.MULTILINE)
    return found[1] if found else None


def requirements(extras: tuple[str, ...] = EXTRAS) -> list[str]:
    """What pyproject.toml lists for the runtime and for these extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(each for extra in extras for each in project["optional-dependencies"][extra])]


def _make_root(root: Path) -> None:
    if root.is_dir():
        return
    mirror = debian_mirror(_run("apt-cache", "policy"))
    making = root.with_name("root.making")
    shutil.rmtree(making, ignore_errors=True)
    _run(
        "mmdebstrap", "--quiet", "--mode=chrootless", "--variant=extract", "--format=directory",
        "--architectures=arm64", f"--include={','.join(SYSTEM_PACKAGES)}", SUITE, making, *([mirror] if mirror else []),
    )  # fmt: skip
    making.rename(root)


def _install_wheels(packages: Path) -> None:
    wanted, noted = requirements(), packages.with_name("requirements.txt")
    text = "\n".join(wanted) + "\n"
    if packages.is_dir() and noted.is_file() and noted.read_text() == text:
        return
    shutil.rmtree(packages, ignore_errors=True)
    _pip("install", "--target", packages, *_for_arm64(), *wanted)
    noted.write_text(text)


def _install_project(folder: Path) -> None:
    """The wheel, whose OpenVINO extension is compiled for aarch64."""
    wheels, packages = folder / "wheel", folder / "packages"
    shutil.rmtree(wheels, ignore_errors=True)
    for old in packages.glob("sdfl*"):
        shutil.rmtree(old)
    definitions = {f"cmake.define.{name}": value for name, value in cross_definitions(packages).items()}
    settings = {"build-dir": str(folder / "wheel-build"), "cmake.define.SDFL_OPENVINO": "ON"} | definitions
    options = [word for name, value in settings.items() for word in ("-C", f"{name}={value}")]
    os_of_wheel = {"_PYTHON_HOST_PLATFORM": "linux-aarch64"}  # Python's own variable for cross-compiling
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, *options, PROJECT, **os_of_wheel)
    _pip("install", "--target", packages, "--no-deps", *_for_arm64("linux_aarch64"), *wheels.glob("sdfl-*.whl"))


def _for_arm64(*more: str) -> list[str]:
    platforms = [word for name in (*more, *PLATFORMS) for word in ("--platform", name)]
    return ["--python-version", PYTHON, "--implementation", "cp", "--only-binary=:all:", *platforms]


def _write_python(folder: Path) -> None:
    """The emulated Python as a program, so that `sys.executable` can be started by the processes that it runs."""
    root = folder / "root"
    program = folder / "python"
    program.write_text(
        "#!/bin/sh\n"
        "unset LD_LIBRARY_PATH\n"
        f"export PYTHONHOME='{root}/usr' PYTHONPATH='{folder}/packages' PYTHONDONTWRITEBYTECODE=1\n"
        f"exec '{find_emulator()}' -L '{root}' -0 \"$0\" '{root}/usr/bin/python{PYTHON}' \"$@\"\n"
    )
    program.chmod(0o755)


def _pip(*words: str | Path, **environment: str) -> None:
    _run(sys.executable, "-m", "pip", words[0], "--quiet", "--disable-pip-version-check", *words[1:], **environment)


def _run(*words: str | Path, **environment: str) -> str:
    """The output of a program that has to end well. Programs of this environment come first: cmake, ninja."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    command = [str(word) for word in words]
    variables = os.environ | {"PATH": path} | environment
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines() or ["it says nothing"]
        raise SdflError(f"{Path(command[0]).name} {command[1]} ended with code {done.returncode}: {last[-1]}")
    return done.stdout
