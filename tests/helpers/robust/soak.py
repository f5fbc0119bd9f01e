"""Hours of `sdfl demo` with viewers of its page: memory, threads and descriptors must stay what they are.

One viewer keeps the stream open, one comes and goes, the model and the edges change every few seconds, and figures are
asked for. Memory must lie on a flat line in the second half, and threads and descriptors must not become more.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robust.rows import CLEAN, HANG, SIGNAL, TRACEBACK, WRONG, Row

PROJECT = Path(__file__).parents[3]
GROWTH_MB = 16.0  # of a line through the memory of the second half, from its begin to its end
PASSING = 2  # threads or descriptors that a viewer or a model that is being loaded has for a while
START_S = 120.0
SAMPLES = 240  # at most so many, and at most one a second
CHANGE_S = 2.0  # from a change of the model to the next, as far as the page takes them
MODELS = ("nano", "small")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600}


@dataclass(frozen=True)
class Sample:
    """One moment of the process.

    Attributes:
        at_s: since the start.
        memory_mb: resident.
        threads: how many there are.
        descriptors: how many are open.
        frame: number of the newest frame; the clip begins again and again.
        changes: how many the page has taken until now.
    """

    at_s: float
    memory_mb: float
    threads: int
    descriptors: int
    frame: int
    changes: int

    def __str__(self) -> str:
        return (
            f"{self.at_s:7.0f} s {self.memory_mb:7.1f} MB {self.threads:3} threads {self.descriptors:3} descriptors "
            f"frame {self.frame}, {self.changes} changes"
        )


def seconds(text: str) -> float:
    """A duration such as 20s, 10m or 8h.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h)", text)
    if match is None:
        raise ValueError(f"a duration is a number and s, m or h, such as 8h; got {text!r}")
    return float(match[1]) * _UNITS[match[2]]


def verdict(samples: Sequence[Sample]) -> str:
    """What has grown; "" where nothing has.

    Args:
        samples: of the whole time, as they came.
    """
    half = samples[len(samples) // 2 :]
    times = np.array([sample.at_s for sample in half])
    memory = np.array([sample.memory_mb for sample in half])
    slope = float(np.polyfit(times, memory, 1)[0])
    growth_mb = slope * float(times[-1] - times[0])
    if growth_mb > GROWTH_MB:
        return f"memory grows by {slope * 3600:.1f} MB/h, {growth_mb:.1f} MB in the second half"
    quarter = len(samples) // 4
    for name in ("threads", "descriptors"):
        counts = [getattr(sample, name) for sample in samples]
        before, after = min(counts[quarter : 2 * quarter]), min(counts[-quarter:])
        if after > before + PASSING:
            return f"{name} became more: at least {before}, then at least {after}"
    if len({sample.frame for sample in samples[-quarter:]}) == 1:
        return f"tracking stands still at frame {samples[-1].frame}"
    if len({sample.changes for sample in samples[-quarter:]}) == 1:
        return f"the page takes no change after {samples[-1].changes} of them"
    return ""


def soak(length_s: float, tell: Callable[[str], object] = lambda _: None) -> Row:
    """Run it.

    Args:
        length_s: how long.
        tell: is told each tenth sample.

    Returns:
        A row of one case.
    """
    row = Row(f"soak {length_s:g} s")
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "stderr"
        with errors.open("wb") as err, _demo(err, folder) as process:
            try:
                samples = _watch(process, _address(process, errors), length_s, tell)
            except TimeoutError as error:
                row.add(0, HANG, str(error))
                return row
            code = process.poll()
        text = errors.read_text(encoding="utf-8", errors="replace")
    problem = verdict(samples)
    if code is not None:
        row.add(0, SIGNAL, f"ended with {code}: {text[-300:]}")
    elif "Traceback" in text:
        row.add(0, TRACEBACK, text[-500:])
    else:
        row.add(0, WRONG if problem else CLEAN, problem)
    return row


@contextlib.contextmanager
def _demo(errors: object, folder: str) -> Iterator[subprocess.Popen[bytes]]:
    program = [sys.executable, "-c", "from sdfl.cli import main; main()"]
    words = ["demo", "--source", "sample", "--model", MODELS[0], "--view", "browser", "--port", "0", "--no-token",
             "--threads", "1"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "XDG_CACHE_HOME": folder, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*program, *words],
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env=environment,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], errors: Path) -> str:
    end_s = time.monotonic() + START_S
    while time.monotonic() < end_s and process.poll() is None:
        found = re.search(r"http://\S+", errors.read_text(encoding="utf-8", errors="replace"))
        if found:
            return found[0].rstrip("/")
        time.sleep(0.1)
    raise TimeoutError(f"no page: {errors.read_text(encoding='utf-8', errors='replace')[-300:]}")


def _watch(
    process: subprocess.Popen[bytes], address: str, length_s: float, tell: Callable[[str], object]
) -> list[Sample]:
    samples: list[Sample] = []
    stop, taken = threading.Event(), [0]
    clients = [
        threading.Thread(target=_view, args=(address, length_s, stop)),
        threading.Thread(target=_view, args=(address, max(1.0, length_s / 100), stop)),
        threading.Thread(target=_change_often, args=(address, taken, stop)),
    ]
    for client in clients:
        client.start()
    start_s, pause_s = time.monotonic(), max(0.2, length_s / SAMPLES)
    try:
        while (passed_s := time.monotonic() - start_s) < length_s and process.poll() is None:
            samples.append(_sample(process.pid, passed_s, _frame(address), taken[0]))
            if len(samples) % 10 == 1:
                tell(str(samples[-1]))
            time.sleep(pause_s)
    finally:
        stop.set()
        for client in clients:
            client.join()
    if samples:
        tell(str(samples[-1]))
    return samples


def _sample(process: int, at_s: float, frame: int, changes: int) -> Sample:
    folder = Path(f"/proc/{process}")
    fields = dict(
        line.split(":", 1) for line in (folder / "status").read_text(encoding="utf-8").splitlines() if ":" in line
    )
    memory_mb = int(fields["VmRSS"].split()[0]) / 1024
    descriptors = sum(1 for _ in (folder / "fd").iterdir())
    return Sample(at_s, memory_mb, int(fields["Threads"]), descriptors, frame, changes)


def _view(address: str, stay_s: float, stop: threading.Event) -> None:
    """Read the stream for a while, leave, and come back."""
    while not stop.is_set():
        end_s = time.monotonic() + stay_s
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/stream.mjpg", timeout=10) as stream:
            while not stop.is_set() and time.monotonic() < end_s and stream.read1(1 << 16):
                pass
        stop.wait(0.05)


def _frame(address: str) -> int:
    """Number of the newest frame; raises TimeoutError where the page does not answer."""
    try:
        with urllib.request.urlopen(f"{address}/stats.json", timeout=30) as answer:
            table = json.load(answer)
    except OSError as error:
        raise TimeoutError(f"the page does not answer: {error}") from error
    return int(table.get("frame", -1))


def _change_often(address: str, taken: list[int], stop: threading.Event) -> None:
    """Choose the other model every CHANGE_S, and edges for two of four changes; taken[0] counts those taken."""
    while not stop.wait(CHANGE_S):
        with contextlib.suppress(OSError):  # also a refusal, while the model before is being loaded
            _change(address, MODELS[(taken[0] + 1) % 2], edges=taken[0] % 4 < 2)
            taken[0] += 1


def _change(address: str, model: str, *, edges: bool) -> None:
    body = f'{{"model": "{model}", "edges": {str(edges).lower()}}}'.encode()
    request = urllib.request.Request(f"{address}/settings", body, {"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=30):
        pass
