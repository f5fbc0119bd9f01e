"""A worker process: an adapter behind `peers/host.py`, asked by lines of JSON. A crash or hang ends it alone."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from sdfl.errors import SdflError
from sdfl.types import Frame

HOST = Path(__file__).parent / "peers" / "host.py"
TIMEOUT_S = 180.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerError(SdflError):
    """A worker failed, crashed or hung; the message says how."""


class Worker:
    """A process with one adapter. A context manager.

    Args:
        adapter: the file with the class `Peer`.
        python: the interpreter that runs it; None for the present one.
        threads: the process is bound to as many CPUs, and OpenMP to as many threads.
        timeout_s: how long it may take to answer.
        cache: folder for what it keeps from one start to the next; None for the user's own cache.

    Raises:
        WorkerError: the interpreter cannot be started.
    """

    def __init__(
        self,
        adapter: Path,
        *,
        python: Path | None = None,
        threads: int,
        timeout_s: float = TIMEOUT_S,
        cache: Path | None = None,
    ) -> None:
        self.cpus = bound_cpus(threads)
        self._timeout_s = timeout_s
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  kept open; a pipe that nobody reads would block a talkative library
        arguments = [str(python or sys.executable), str(HOST), str(adapter), ",".join(map(str, self.cpus))]
        environment = os.environ | {name: str(threads) for name in THREAD_VARIABLES}
        environment |= {"XDG_CACHE_HOME": str(cache)} if cache else {}
        self._started_s = time.monotonic()
        try:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment
            )
        except OSError as error:
            raise WorkerError(f"{arguments[0]}: cannot be started ({error.strerror})") from error
        assert self._process.stdout is not None
        # A thread, because Windows can wait for sockets alone, not for pipes.
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader = threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True)
        self._reader.start()

    @property
    def age_s(self) -> float:
        """Seconds since just before the process was started."""
        return time.monotonic() - self._started_s

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Args:
            op: a method of `peers.host.Host`.
            request: its arguments.

        Raises:
            WorkerError: the worker fails, dies or does not answer in time.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"op": op, **request}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:  # a broken pipe, which Windows calls an invalid argument
            raise WorkerError(self._why_it_died()) from None
        answer: dict[str, Any] = json.loads(self._read_line())
        if "error" in answer:
            raise WorkerError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    def _read_line(self) -> bytes:
        try:
            line = self._lines.get(timeout=self._timeout_s)
        except queue.Empty:
            self._process.kill()
            raise WorkerError(f"gave no answer within {self._timeout_s:g} s") from None
        if not line.endswith(b"\n"):
            raise WorkerError(self._why_it_died())
        return line

    def _why_it_died(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors.read().decode(errors="replace").splitlines() if line.strip()]
        return f"the process ended with code {code}" + (f": {lines[-1]}" if lines else "")

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read(pipe: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """The reading thread: every line, then an empty one."""
    for line in pipe:
        lines.put(line)
    lines.put(b"")


def write_frames(frames: Iterable[Frame], path: Path, fps: int) -> dict[str, Any]:
    """Write pictures as a clip of raw frames, which every interpreter reads alike.

    Args:
        frames: of one size.
        path: the file to write.
        fps: of the clip.

    Returns:
        The table that `peers/host.py` takes.
    """
    count, height, width = 0, 0, 0
    with path.open("wb") as file:
        for frame in frames:
            height, width = frame.image.shape[:2]
            file.write(frame.image.tobytes())
            count += 1
    return {"path": str(path), "width": width, "height": height, "frames": count, "fps": fps}


def bound_cpus(threads: int) -> list[int]:
    """Numbers of the first `threads` CPUs that this process may use."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return list(allowed)[:threads]
