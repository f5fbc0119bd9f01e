"""A process must not take a core that another one computes on while others are free."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from sdfl.runtime.backends.openvino.backend import OpenVinoBackend
from sdfl.runtime.processor import usable_processors
from sdfl.runtime.zoo import resolve_model

INFERENCES = 300  # a tenth of a second


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not tell where a thread may run")
@pytest.mark.skipif(usable_processors() < 2, reason="there is one core only")
def test_a_thread_may_run_on_every_core_while_it_computes() -> None:
    backend = OpenVinoBackend(resolve_model("nano", "int8"), threads=1)
    crop = np.zeros((1, backend.spec.input_size, backend.spec.input_size, 3), np.uint8)
    computing = threading.Thread(target=lambda: [backend.infer(crop) for _ in range(INFERENCES)])
    computing.start()
    seen: set[frozenset[int]] = set()
    while computing.is_alive():
        try:
            seen.add(frozenset(os.sched_getaffinity(computing.native_id or 0)))
        except ProcessLookupError:  # it has just ended
            break
    assert seen == {frozenset(os.sched_getaffinity(0))}
