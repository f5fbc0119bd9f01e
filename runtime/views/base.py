"""What every view is, and the figures it may show beside the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sdfl.types import Image


@dataclass(frozen=True)
class FrameStats:
    """source: its name. frame: index. ms: tracking time of this frame. latency_ms: from capture to result;
    latency_p50_ms, _p95_, _p99_: percentiles of the last ten seconds."""

    source: str
    model: str
    frame: int
    faces: int
    ms: float
    latency_ms: float
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    fps: float


class View(Protocol):
    """watched: somebody looks, so that a video should run at its own pace and be drawn.

    `show` takes a picture that nobody changes any more and must not wait; it returns False when the viewer is done.
    """

    watched: bool

    def show(self, image: Image, stats: FrameStats) -> bool: ...

    def close(self) -> None: ...
