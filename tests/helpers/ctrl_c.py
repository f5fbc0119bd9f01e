"""A training that somebody interrupts."""

from __future__ import annotations

import os
import signal

from sdfl.train.progress import Reporter


class CtrlC(Reporter):
    """Presses Ctrl-C after so many batches, or sends itself another signal."""

    def __init__(self, after: int, number: int = signal.SIGINT) -> None:
        super().__init__()
        self._left, self._number = after, number

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)
