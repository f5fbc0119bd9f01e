"""TensorRT's progress on a bar, and Ctrl-C in the middle of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")
Step = Callable[[str, int, int], None]  # what is done now, steps done, steps in all
WAIT_S = 0.1


def make_monitor(library: Any, step: Step, stopped: threading.Event) -> Any:
    """Make an IProgressMonitor that reports the outermost phase and can end the build.

    TensorRT calls it from threads of its own; an exception must not leave it.

    Args:
        library: the TensorRT module.
        step: told what is done now, how many steps are done, and how many there are.
        stopped: once it is set, the build ends.
    """
    lock = threading.Lock()
    sizes: dict[str, tuple[str | None, int]] = {}

    class Monitor(library.IProgressMonitor):  # type: ignore[misc]
        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with lock:
                sizes[phase_name] = (parent_phase, num_steps)
            if parent_phase is None:
                step(phase_name, 0, num_steps)

        def step_complete(self, phase_name: str, step_number: int) -> bool:
            with lock:
                parent, num_steps = sizes.get(phase_name, (None, 0))
            if parent is None and num_steps:
                step(phase_name, step_number + 1, num_steps)
            return not stopped.is_set()

        def phase_finish(self, phase_name: str) -> None:
            with lock:
                parent, num_steps = sizes.pop(phase_name, (None, 0))
            if parent is None and num_steps:
                step(phase_name, num_steps, num_steps)

    return Monitor()


def interruptible(work: Callable[[], Result], stopped: threading.Event) -> Result:
    """Run one long call of a library in a thread, so that Ctrl-C is heard at once.

    Python hears a signal between two lines of Python only. Ctrl-C sets `stopped`, waits for the thread, and goes on up.

    Args:
        work: the call.
        stopped: what ends it.

    Returns:
        What `work` returns.
    """
    results: list[Result] = []
    errors: list[BaseException] = []
    done = threading.Event()  # a join that Ctrl-C ends takes the thread for ended (Python 3.9 to 3.12)

    def run() -> None:
        try:
            if not stopped.is_set():
                results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=run, name="build")
    try:
        thread.start()  # waits for the thread to run, so that Ctrl-C may be heard here, too
        while not done.wait(WAIT_S):
            pass
    except KeyboardInterrupt:
        stopped.set()
        if thread.ident is not None:  # it runs; one that has yet to begin sees `stopped`
            done.wait()
        raise
    if errors:
        raise errors[0]
    return results[0]
