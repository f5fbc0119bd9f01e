"""The toy model as an engine of whatever TensorRT is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdfl.convert.engines import run_build
from sdfl.convert.engines.plan import make_plan


def quiet(*_: object) -> None:
    """In place of a progress bar."""


def build_toy(source: Path, out: Path, **options: Any) -> Path:
    """Build `source` for TensorRT. Returns `out`."""
    return run_build(make_plan(source, "tensorrt", out=out, **options), quiet).path
