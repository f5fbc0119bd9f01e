"""The Arm processors that are tried: emulated ones on other computers, and on an Arm computer its own."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdfl.errors import ConfigError, SdflError

ARM = ("aarch64", "arm64")
EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")
DEBIAN_PACKAGES = {  # programs of which one is needed -> package of Debian that brings it
    ("c++",): "g++",
    EMULATORS: "qemu-user-static",
    ("mmdebstrap",): "mmdebstrap",
    ("aarch64-linux-gnu-g++",): "g++-aarch64-linux-gnu",
}
TIMEOUT_S = 1200  # an emulated processor takes up to a minute for the first frame
TIMED_OUT = 124

_ARMV8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid"
_ARMV8_2 = f"{_ARMV8} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp"


@dataclass(frozen=True)
class Processor:
    """What QEMU is asked for, and what `/proc/cpuinfo` says on such a processor.

    Attributes:
        part: Arm's number of it.
        features: as Linux calls them.
        below: version of QEMU -> what has to be switched off in versions below it.
    """

    part: str
    features: str
    below: Mapping[int, str] = field(default_factory=dict)

    def option(self, name: str, version: int) -> str:
        """QEMU's name for it, in this version of QEMU."""
        return ",".join([name, *(off for limit, off in self.below.items() if version < limit)])

    def cpuinfo(self, cores: int = 2) -> str:
        """The text of the file. ONNX Runtime crashes when it finds the lines of an x86 processor there."""
        lines = (
            f"Features\t: {self.features}",
            "CPU implementer\t: 0x41",
            "CPU architecture: 8",
            "CPU variant\t: 0x0",
            f"CPU part\t: {self.part}",
            "CPU revision\t: 3",
        )
        return "".join("\n".join((f"processor\t: {core}", *lines, "", "")) for core in range(cores))


# Names of QEMU's. `max` is everything that QEMU can emulate, SVE and SME among it; here it has a Neoverse V1's part.
# QEMU 7.2 computes int8 products in SME wrong: points of int8 models in OpenVINO are then off by 50 px. 10.0 does not.
PROCESSORS = {
    "cortex-a72": Processor("0xd08", _ARMV8),  # Raspberry Pi 4: no half precision, no dot products
    "cortex-a76": Processor("0xd0b", _ARMV8_2),  # Raspberry Pi 5
    "max": Processor(
        "0xd40", f"{_ARMV8_2} jscvt fcma sha3 sha512 sve asimdfhm flagm sb dcpodp sve2 i8mm bf16", {10: "sme=off"}
    ),
}


@dataclass(frozen=True)
class Machine:
    """An Arm processor with a Python that has the package.

    Attributes:
        name: what QEMU or the computer calls it.
        python: the Python to start.
        environment: variables to add.
        root: the folder with an arm64 system, None on an Arm computer.
        cpuinfo: the text of /proc/cpuinfo in that system.
    """

    name: str
    python: Path
    environment: Mapping[str, str]
    root: Path | None = None
    cpuinfo: str = ""

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments; a program that takes longer than TIMEOUT_S ends with code TIMED_OUT."""
        return self._run([self.python, *words], self.environment)

    def run_program(self, program: Path, *words: str | Path, libraries: Path) -> subprocess.CompletedProcess[str]:
        """Run a compiled program that needs the shared libraries of a folder."""
        if self.root is None:
            return self._run([program, *words], {**self.environment, "LD_LIBRARY_PATH": str(libraries)})
        emulator: list[str | Path] = [find_emulator(), "-L", self.root, "-E", f"LD_LIBRARY_PATH={libraries}"]
        return self._run([*emulator, program, *words], self.environment)

    def _run(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        if self.root is not None:
            path = self.root / "proc" / "cpuinfo"
            path.parent.mkdir(exist_ok=True)
            path.write_text(self.cpuinfo)
        words = [str(word) for word in command]
        try:
            return subprocess.run(
                words, capture_output=True, text=True, check=False, env=os.environ | environment, timeout=TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(words, TIMED_OUT, "", f"took more than {TIMEOUT_S} s")


def is_arm(machine: str | None = None) -> bool:
    """Whether this computer, or one that calls itself `machine`, is an Arm computer of 64 bits."""
    return (machine or platform.machine()).lower() in ARM


def require_tools(*, native: bool, path: str | None = None) -> None:
    """Check that an arm64 system can be made and run here.

    Args:
        native: whether this is an Arm computer, which needs a compiler alone.
        path: folders to search, None for those of the environment.

    Raises:
        SdflError: programs are missing; names the packages of Debian that bring them.
    """
    missing = [
        package
        for programs, package in DEBIAN_PACKAGES.items()
        if (not native or package == "g++") and not any(shutil.which(program, path=path) for program in programs)
    ]
    if missing:
        raise SdflError(f"no {' and no '.join(missing)} here; install with: sudo apt-get install {' '.join(missing)}")


def find_emulator() -> str:
    """The path of QEMU's emulator of programs for aarch64; `require_tools` has said that there is one."""
    return next(found for name in EMULATORS if (found := shutil.which(name)))


def emulator_version(text: str) -> int:
    """The major version in what `qemu-aarch64 --version` printed.

    Raises:
        SdflError: there is none.
    """
    found = re.search(r"version (\d+)\.", text)
    if found is None:
        raise SdflError(f"{EMULATORS[0]} --version says {text.strip()!r}, which names no version")
    return int(found[1])


def choose(wanted: list[str]) -> list[str]:
    """The processors to emulate.

    Args:
        wanted: names of `PROCESSORS`; empty for all.

    Raises:
        ConfigError: one of them is not known.
    """
    for name in wanted:
        if name not in PROCESSORS:
            raise ConfigError(f"cpu must be one of {', '.join(PROCESSORS)}, got {name!r}")
    return wanted or list(PROCESSORS)


def emulated(names: list[str], folder: Path) -> list[Machine]:
    """Processors of `PROCESSORS`, running what `arm64.install` installed in `folder`."""
    printed = subprocess.run([find_emulator(), "--version"], capture_output=True, text=True, check=True).stdout
    version = emulator_version(printed)
    return [_emulated(PROCESSORS[name], PROCESSORS[name].option(name, version), folder) for name in names]


def _emulated(processor: Processor, option: str, folder: Path) -> Machine:
    environment = {"QEMU_CPU": option, "XDG_CACHE_HOME": str(folder / "cache" / option)}
    return Machine(option, folder / "python", environment, folder / "root", processor.cpuinfo())


def this_computer() -> Machine:
    """This Arm computer, with the Python that runs now."""
    return Machine(platform.node() or "this computer", Path(sys.executable), {})
