"""What viewers get: the newest picture as JPEG, coded once for all of them, and the figures of the last frames."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import asdict
from typing import Any

import cv2
import numpy as np

from sdfl.runtime.views.base import FrameStats
from sdfl.types import Image

JPEG_QUALITY = 85
HISTORY = 300  # frames that the percentiles are taken from and the plots show


class Feed:
    """The tracking thread puts, coroutines of the server's loop take. `put` never waits for a viewer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._arrived = loop, asyncio.Event()
        self._lock, self._coding = threading.Lock(), threading.Lock()
        self._number, self._ended = 0, False
        self._image: Image | None = None
        self._coded: tuple[int, bytes] = (0, b"")
        self._stats: FrameStats | None = None
        self._put_s = 0.0
        self._history: deque[tuple[int, float, float, float | None]] = deque(maxlen=HISTORY)

    def put(self, image: Image, stats: FrameStats, jitter_percent: float | None) -> None:
        """Replace the picture and add the figures."""
        with self._lock:
            self._number += 1
            self._image, self._stats, self._put_s = image, stats, time.monotonic()
            jitter = None if jitter_percent is None else round(jitter_percent, 4)
            self._history.append((self._number, stats.ms, stats.latency_ms, jitter))
        self._loop.call_soon_threadsafe(self._wake)

    def end(self) -> None:
        """No more pictures: every stream ends."""
        self._ended = True
        self._loop.call_soon_threadsafe(self._wake)

    async def next(self, after: int) -> tuple[int, bytes] | None:
        """Wait for a picture newer than number `after`. Returns (its number, the JPEG), None after the last."""
        while True:
            arrived = self._arrived
            if self._ended:
                return None
            if self._number > after:
                return await asyncio.to_thread(self._newest)
            await arrived.wait()

    def figures(self, after: int) -> dict[str, Any]:
        """The newest frame's figures, percentiles of the last jitters, and those of every frame after number `after`.

        samples: (number, tracking ms, capture to result ms, jitter in % of the inter-ocular distance or None).
        """
        with self._lock:
            stats, history, age_s = self._stats, list(self._history), time.monotonic() - self._put_s
        if stats is None or self._ended:
            return {}
        jitters = [jitter for *_, jitter in history if jitter is not None]
        return asdict(stats) | {
            "age_s": round(age_s, 2),
            "jitter_p50_p95_percent": _percentiles(jitters) if jitters else None,
            "samples": [sample for sample in history if sample[0] > after],
        }

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    def _newest(self) -> tuple[int, bytes]:
        with self._coding:
            with self._lock:
                number, image = self._number, self._image
            if number != self._coded[0]:
                assert image is not None
                coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
                self._coded = number, coded.tobytes()
            return self._coded


def _percentiles(values: list[float]) -> list[float]:
    return [round(float(value), 3) for value in np.percentile(values, [50, 95])]
