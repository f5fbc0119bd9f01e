"""One command in a process of its own, with a time limit: a kernel that hangs or crashes ends that process alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# What begins a line that says why something failed, the most telling first.
TELLING = ("sdfl: ", "FAIL", "CMake Error", "E   ", "error", "Error")
LONGEST_REASON = 300


@dataclass(frozen=True)
class Finished:
    """What a command did.

    Attributes:
        code: its exit status; None if it was ended at the limit.
        out: what it printed.
        errors: what it wrote to standard error.
        seconds: how long it ran.
    """

    code: int | None
    out: str
    errors: str
    seconds: float

    def why(self) -> str:
        """Why it failed, in one line."""
        if self.code is None:
            return f"took longer than its {self.seconds:.0f} s"
        lines = [line.strip() for line in f"{self.errors}\n{self.out}".splitlines() if line.strip()]
        for index, line in enumerate(lines):
            if line.startswith("CMake Error") and line.endswith(":"):  # the sentence stands below
                lines[index] = f"{line} {lines[index + 1] if index + 1 < len(lines) else ''}"
        telling = next((line for start in TELLING for line in lines if line.startswith(start)), None)
        last = telling or (lines[-1] if lines else "it said nothing")
        ended = f"signal {-self.code}" if self.code < 0 else f"exit status {self.code}"
        return f"{last[:LONGEST_REASON]} ({ended})"


def run(
    command: Sequence[str | Path], *, limit_s: float, environment: Mapping[str, str], folder: Path, log: Path
) -> Finished:
    """Run a command, and end it and what it started at the limit.

    Args:
        command: the program and its arguments.
        limit_s: how long it may take.
        environment: all variables of the process.
        folder: that it runs in.
        log: gets the command and what it printed, at its end.
    """
    start_s = time.monotonic()
    try:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", cwd=folder, env=dict(environment), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return Finished(127, "", f"{command[0]}: cannot be started ({error.strerror})", 0.0)
    try:
        out, errors = process.communicate(timeout=limit_s)
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        _end(process)
        out, errors = process.communicate()
        code = None
    except BaseException:
        _end(process)
        raise
    finished = Finished(code, out, errors, time.monotonic() - start_s)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(map(str, command))}\n{out}{errors}\nexit status {code}, {finished.seconds:.1f} s\n\n")
    return finished


def _end(process: subprocess.Popen[str]) -> None:
    """Its whole process group: a sanitizer or a build has processes of its own. Windows has no such groups."""
    if not hasattr(os, "killpg"):
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
