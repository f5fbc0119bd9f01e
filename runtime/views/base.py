"""What every view is, what it is shown, and what it may let its viewer change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sdfl.runtime.outputs.graph_overlay import GraphEdges
from sdfl.types import Image


@dataclass(frozen=True)
class FrameStats:
    """The figures that a view may show beside a frame.

    Attributes:
        source: its name.
        model: name of the model that was run.
        frame: index of the frame.
        faces: number of faces in it.
        ms: time that tracking this frame took.
        latency_ms: from the capture of the frame to its result.
        latency_p50_ms: median of the latencies of the last ten seconds.
        latency_p95_ms: their 95th percentile.
        latency_p99_ms: their 99th percentile.
        fps: frames shown per second.
    """

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


@dataclass(frozen=True, eq=False)
class FrameExtras:
    """What is known of a tracked frame beside its faces.

    Attributes:
        edges: the weighted graph of every face, where that is asked for.
        jitter_percent: see `sdfl.runtime.live.jitter.Jitter`.
    """

    edges: list[GraphEdges]
    jitter_percent: float | None


class View(Protocol):
    """Where tracked frames are shown.

    Attributes:
        watched: whether somebody watches, so that frames are drawn, and a video runs at its own pace.
    """

    watched: bool

    def show(self, image: Image, stats: FrameStats) -> bool:
        """Show a frame without waiting for the viewer.

        Args:
            image: (H, W, 3) uint8 BGR, which nobody changes any more.
            stats: the frame's figures.

        Returns:
            False when the viewer has ended it.
        """
        ...

    def close(self) -> None:
        """End the view."""
        ...


class Controls(Protocol):
    """What a viewer may change while frames are tracked: `sdfl.runtime.live.switchboard.Switchboard`."""

    def state(self) -> dict[str, Any]:
        """The settings and their choices, ready for JSON."""
        ...

    def change(self, changes: object) -> None:
        """Take over some settings.

        Args:
            changes: setting -> value, as it comes from JSON.

        Raises:
            ConfigError: a setting is wrong; nothing was changed then.
        """
        ...

    def extras(self, index: int) -> FrameExtras:
        """What is known of the tracked frame `index` beside its faces."""
        ...
