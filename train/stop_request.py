"""Ctrl-C during a training: finish the step, leave a checkpoint, stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import torch
from lightning.fabric import Fabric


def leave_ctrl_c_to_the_main_process(worker: int) -> None:  # noqa: ARG001  torch gives its number
    """Start a loader's process so that Ctrl-C, which a terminal sends to all processes, does not end it.

    A process that was forked inherits the handler of `StopRequest`. One that was started afresh, as on macOS, on
    Windows and from Python 3.14 on, would end in the middle of the step that is to be finished.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class StopRequest:
    """A context in which the first SIGINT only asks to stop; a second one interrupts at once, as without it."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def agreed(self, fabric: Fabric) -> bool:
        """Whether any process was asked: all have to stop after the same step, or the others wait for ever."""
        if fabric.world_size == 1:
            return self.asked
        asked = torch.tensor(float(self.asked), device=fabric.device)
        return bool(fabric.all_reduce(asked, reduce_op="sum"))
