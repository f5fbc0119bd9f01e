"""A request to end a training (Ctrl-C, `kill`): finish the step, leave a checkpoint, stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import torch
from lightning.fabric import Fabric

from sdfl.signals import requests_to_end


def leave_signals_to_the_main_process(worker: int) -> None:  # noqa: ARG001  torch gives its number
    """Start a loader's process so that a request to end, which goes to all processes, does not end it.

    It would end in the middle of the step that is to be finished. Ctrl-C is ignored. Any other request is ignored
    once: the second one comes from torch, which ends a process that does not end by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in requests_to_end():
        signal.signal(number, _ignore_once)


def _ignore_once(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    signal.signal(number, signal.SIG_DFL)


class StopRequest:
    """A context in which the first request only asks to stop; a second one interrupts at once, as without it.

    Requests are Ctrl-C, and of `requests_to_end` those that the program treats like Ctrl-C, as the command line does.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            heeded = [each for each in requests_to_end() if signal.getsignal(each) is signal.default_int_handler]
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, *heeded)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.asked = True
        for each in self._before:
            signal.signal(each, signal.default_int_handler)

    def agreed(self, fabric: Fabric) -> bool:
        """Whether any process was asked: all have to stop after the same step, or the others wait for ever."""
        if fabric.world_size == 1:
            return self.asked
        asked = torch.tensor(float(self.asked), device=fabric.device)
        return bool(fabric.all_reduce(asked, reduce_op="sum"))
