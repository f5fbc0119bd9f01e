"""The adapter for several cameras in one process; `peers/host.py` runs it as it runs other projects' trackers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.results import results_of_many
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.sources.many import ManySources
from sdfl.types import Frame


class Peer:
    """A `FaceLandmarker` as a user opens it, see `host.py`."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Open the model.

        Args:
            options: "model" (name or path, "" for the default) and "threads".
        """
        self._landmarker = FaceLandmarker(options["model"] or None, threads=options["threads"])
        self.layout = self._landmarker.spec.layout

    def live(self, camera: Any, streams: int) -> dict[str, Any]:
        """Track cameras that give their frames at different times; see `Host.live`.

        Args:
            camera: a `host.Camera`.
            streams: number of cameras.
        """
        self._landmarker.warm_up(streams)  # before the first camera begins
        period_s = 1 / camera.clip["fps"]
        cameras = [
            _Camera(type(camera)(camera.clip, camera.seconds, camera.warmup_s, number * period_s / streams), number)
            for number in range(streams)
        ]
        latencies_ms: list[list[float]] = [[] for _ in cameras]
        found, cpu_s = 0, None
        with ManySources(cameras) as many:
            for results in results_of_many(many, self._landmarker):
                for each in results:
                    step = cameras[each.number].step_at(each.frame.timestamp_s)
                    if camera.counts(step):
                        cpu_s = time.process_time() if cpu_s is None else cpu_s
                        latencies_ms[each.number].append(each.latency_ms)
                        found += bool(each.faces)
        spent_s = time.process_time() - cpu_s if cpu_s is not None else 0.0
        return {"latencies_ms": latencies_ms, "offered": camera.offered, "found": found, "cpu_s": spent_s}


class _Camera(FrameSource):
    """A `host.Camera` as a live source, which a thread of its own reads."""

    live = True

    def __init__(self, camera: Any, number: int) -> None:
        self.name, self.fps = f"camera {number}", float(camera.clip["fps"])
        self._camera = camera
        self._steps: dict[float, int] = {}

    def __iter__(self) -> Iterator[Frame]:
        for step, image, captured_s in self._camera.frames():
            self._steps[captured_s] = step
            yield Frame(image, step, captured_s)

    def step_at(self, captured_s: float) -> int:
        """The number of the frame that was captured at that time."""
        return self._steps[captured_s]
