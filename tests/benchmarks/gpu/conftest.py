"""The computer that the steps of `make gpu` are tested for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdfl.benchmarks.gpu.machine import Machine
from sdfl.benchmarks.gpu.workplace import Workplace


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    tools = {name: f"/opt/{name}" for name in ("cmake", "nvcc", "compute-sanitizer")}
    return Workplace(Machine("Orin", "8.7", "12.6", tools, {"tensorrt": "10.3.0"}), tmp_path / "gpu")
