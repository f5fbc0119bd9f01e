"""Command lines in processes of their own that need not import torch and the other libraries again.

`Verbs` starts one process that imports everything and then forks for each command line. It needs POSIX.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).parents[2]
START_S = 120.0  # of the process that imports everything
ORPHANS_S = 10.0  # in which processes have to notice that the one that started them is gone
# Nothing that starts threads, which a fork leaves behind: no openvino, no onnxruntime.
MODULES = (
    "av", "cv2", "skimage.data", "sdfl.cli", "matplotlib.pyplot", "altair", "torch._dynamo", "torch.utils.tensorboard",
    "sdfl.convert.export.landmarks", "sdfl.convert.export.detector", "sdfl.train.tasks.landmarks",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a command line ended with.

    Attributes:
        code: exit code; below zero the signal that ended the process, None where it took too long.
        out: what it printed.
        err: what it said on the standard error.
        wall_s: from the fork to the end.
        orphans: whether processes that it had started were still there ORPHANS_S after its end.
    """

    code: int | None
    out: str
    err: str
    wall_s: float
    orphans: bool

    @property
    def errors(self) -> list[str]:
        """The lines in which the command line says what failed."""
        return [line for line in self.err.splitlines() if line.startswith("sdfl: ")]


class Verbs:
    """Runs command lines one after another.

    Raises:
        RuntimeError: the process that imports the libraries ends or takes too long.
    """

    def __init__(self) -> None:
        paths = [str(PROJECT), str(PROJECT / "tests" / "helpers"), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        read, write = zip(*(os.pipe() for _ in range(3)), strict=True)
        self._server = subprocess.Popen(
            [sys.executable, "-m", "forked_verbs", *map(str, write)],
            stdin=subprocess.PIPE,
            pass_fds=write,
            env=environment,
        )
        for descriptor in write:
            os.close(descriptor)
        self._selector = selectors.DefaultSelector()
        for descriptor in read:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)
        self._pipes = read
        self._got = {descriptor: bytearray() for descriptor in read}
        if self._answer(START_S) is None:
            self.close()
            raise RuntimeError("the process that imports the libraries of all verbs did not get ready")

    def __enter__(self) -> Verbs:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        file_size: int | None = None,
        until: Callable[[float], bool] | None = None,
        timeout_s: float = 120.0,
    ) -> Done:
        """Run `sdfl WORDS` and wait for its end, and for that of what it has started.

        Args:
            words: the arguments.
            environment: variables on top of those of this process.
            file_size: bytes that a file may have; None for no limit.
            until: is asked every millisecond, with the seconds since the start, whether SIGKILL ends the process now.
            timeout_s: when it is ended because it hangs.

        Raises:
            RuntimeError: the process that imports the libraries is gone.
        """
        request = {"words": list(words), "environment": dict(environment or {}), "file_size": file_size}
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        group = self._answer(START_S)
        if group is None:
            raise RuntimeError(f"the process that forks for command lines is gone (exit code {self._server.poll()})")
        start_s = time.monotonic()
        status = None
        while status is None and (passed_s := time.monotonic() - start_s) < timeout_s:
            if until is not None and until(passed_s):
                break
            status = self._answer(timeout_s - passed_s if until is None else 0.001)
        hangs = time.monotonic() - start_s >= timeout_s
        if status is None:
            os.kill(group, signal.SIGKILL)
            status = self._answer(START_S)
        wall_s = time.monotonic() - start_s
        orphans = _outlives(group, ORPHANS_S)
        self._answer(0)
        out, err = (self._taken(descriptor) for descriptor in self._pipes[1:])
        code = None if hangs or status is None else os.waitstatus_to_exitcode(status)
        return Done(code, out, err, wall_s, orphans)

    def close(self) -> None:
        """End the process."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.kill()
        self._server.wait()
        self._selector.close()
        for descriptor in self._pipes:
            os.close(descriptor)

    def _answer(self, limit_s: float) -> int | None:
        """The number on the next line; None where none comes in time. Reads what the command line prints as well."""
        end_s, answers = time.monotonic() + limit_s, self._got[self._pipes[0]]
        while b"\n" not in answers:
            ready = self._selector.select(max(0.0, end_s - time.monotonic()))
            for key, _ in ready:
                piece = os.read(key.fd, 65536)
                self._got[key.fd] += piece
                if not piece:
                    return None
            if not ready:
                return None
        line, _, rest = answers.partition(b"\n")
        answers[:] = rest
        return int(line)

    def _taken(self, descriptor: int) -> str:
        text = self._got[descriptor].decode(errors="replace")
        self._got[descriptor].clear()
        return text


def _outlives(group: int, limit_s: float) -> bool:
    """Whether a process of a group is still there after a while; it is then ended."""
    end_s = time.monotonic() + limit_s
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end_s:
            os.killpg(group, 0)
            time.sleep(0.01)
        os.killpg(group, signal.SIGKILL)
        return True
    return False


def _serve(requests: IO[str], answers: IO[str], outputs: Sequence[int]) -> None:
    """Fork for each request, and answer with the process, which is a group of its own, and with how it ended."""
    for line in requests:
        process = os.fork()
        if process == 0:
            os.setpgid(0, 0)
            answers.close()
            _run(json.loads(line), outputs)
        with contextlib.suppress(PermissionError, ProcessLookupError):  # whichever comes first
            os.setpgid(process, process)
        print(process, file=answers, flush=True)
        print(os.waitpid(process, 0)[1], file=answers, flush=True)


def _run(request: Mapping[str, Any], outputs: Sequence[int]) -> None:
    """Run one command line as its own program would, and end; only the modules are not taken apart."""
    import resource

    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, source in enumerate((nothing, *outputs)):
        os.dup2(source, descriptor)
        os.close(source)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.update(request["environment"])
    sys.argv = ["sdfl", *request["words"]]
    if request["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"], resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    from sdfl.cli import main

    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as Python does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    answers, *outputs = map(int, sys.argv[1:])
    for module in MODULES:
        with contextlib.suppress(ImportError):  # an extra that is not installed
            import_module(module)
    gc.collect()
    gc.freeze()  # a forked process then copies less
    with os.fdopen(answers, "w", encoding="utf-8") as pipe:
        print(0, file=pipe, flush=True)
        _serve(sys.stdin, pipe, outputs)
