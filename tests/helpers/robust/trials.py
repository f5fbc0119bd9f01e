"""Trials in a child process with limits of time and memory, so that none takes the runner with it."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from robust.rows import HANG, SIGNAL, Row

PROJECT = Path(__file__).parents[3]
CASE_S = 10.0  # CPU time of one case; the slowest takes 1.5 s
WAITS = 6  # times CASE_S of wall clock: for one that waits for ever, and not for a turn on a busy computer
START_S = 120.0  # of a child: it imports and makes what is to be damaged
MEMORY_BYTES = 6 << 30  # of addresses, most of which libraries only reserve


def run_trials(table: str, names: Iterable[str], cases: int, seed: int) -> Iterator[Row]:
    """Try each thing of a table, case after case; a child that dies or hangs is replaced and goes on behind that case.

    Args:
        table: module of a dict TRIALS: name -> something whose `prepare(folder)` gives what tries one case.
        names: keys of it.
        cases: of each.
        seed: of all draws; a case is drawn from seed, name and number alone.
    """
    todo, child = list(names), None
    while todo:
        row, first = Row(todo[0]), 0
        while first < cases:
            child = child or _Child(table, todo, cases, seed, first)
            last = first
            for case, outcome, words in child.outcomes(row.name):
                row.add(case, outcome, words)
                last = case + 1
            first = last
            if first < cases:
                row.add(first, *child.end())
                first, child = first + 1, None
        yield row
        todo.pop(0)
    if child:
        child.end()


class _Child:
    """A process of `python -m robust.child`, which writes a line for each case."""

    def __init__(self, table: str, names: list[str], cases: int, seed: int, first: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        paths = [str(PROJECT), str(PROJECT / "tests" / "helpers"), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        environment["XDG_CACHE_HOME"] = str(Path(self._folder.name) / "cache")
        words = [table, json.dumps(names), str(cases), str(seed), str(first), self._folder.name, str(MEMORY_BYTES)]
        command = [sys.executable, "-m", "robust.child", *words]
        self._errors = (Path(self._folder.name) / "stderr").open("w+b")
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors, env=environment)
        self._rest = b""
        self._hangs, self._ready = False, False

    def outcomes(self, name: str) -> Iterator[tuple[int, str, str]]:
        """Those of one name, as they come; ends behind the last one, or where the child dies or hangs."""
        limit_s = START_S
        while (line := self._line(limit_s)) is not None:
            entry = json.loads(line)
            if entry == {"end": name}:
                return
            self._ready = "begin" not in entry
            limit_s = CASE_S if self._ready else START_S
            if "case" in entry:
                yield entry["case"], entry["outcome"], entry["words"]

    def _line(self, limit_s: float) -> bytes | None:
        assert self._process.stdout is not None
        cpu_s, end_s = self._cpu_s(), time.monotonic() + WAITS * limit_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._rest:
                if not selector.select(limit_s):
                    if self._cpu_s() - cpu_s < limit_s and time.monotonic() < end_s:
                        continue
                    self._hangs = True
                    return None
                piece = os.read(self._process.stdout.fileno(), 65536)
                if not piece:
                    return None
                self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _cpu_s(self) -> float:
        """CPU time of the child until now; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> tuple[str, str]:
        """End it.

        Returns:
            Why it did not come to an end by itself.

        Raises:
            RuntimeError: it could not even begin, which is a fault of the trial.
        """
        if self._hangs:
            self._process.kill()
        code = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        self._errors.close()
        self._folder.cleanup()
        if not self._ready:
            raise RuntimeError(f"no trial began: {text[-2000:]}")
        words = text.splitlines()[-1:]
        return (
            (HANG, f"longer than {CASE_S:g} s of CPU time or {WAITS * CASE_S:g} s")
            if self._hangs
            else (SIGNAL, f"exit code {code} {words}")
        )
