"""What viewers get: the latest picture as JPEG, encoded once for all of them, and the figures of recent frames."""

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
HISTORY = 300  # number of frames that the percentiles are of and the plots show


class Feed:
    """Takes pictures and figures from the tracking thread, and gives them to the coroutines of the server.

    Args:
        loop: of the server.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._arrived = loop, asyncio.Event()
        self._lock, self._encoding = threading.Lock(), threading.Lock()
        self._number, self._ended = 0, False
        self._image: Image | None = None
        self._encoded: tuple[int, bytes] = (0, b"")
        self._stats: FrameStats | None = None
        self._put_s = 0.0
        self._history: deque[tuple[int, float, float, float | None]] = deque(maxlen=HISTORY)

    def put(self, image: Image, stats: FrameStats, jitter_percent: float | None) -> None:
        """Replace the picture and add its figures; never waits for a viewer.

        Args:
            image: (H, W, 3) uint8 BGR, which nobody changes any more.
            stats: the figures.
            jitter_percent: of the inter-ocular distance, None where it is not known.
        """
        with self._lock:
            self._number += 1
            self._image, self._stats, self._put_s = image, stats, time.perf_counter()
            jitter = None if jitter_percent is None else round(jitter_percent, 4)
            self._history.append((self._number, stats.ms, stats.latency_ms, jitter))
        self._loop.call_soon_threadsafe(self._wake)

    def end(self) -> None:
        """No more pictures: every stream ends."""
        self._ended = True
        self._loop.call_soon_threadsafe(self._wake)

    async def next(self, after: int) -> tuple[int, bytes] | None:
        """Wait for a picture.

        Args:
            after: number of the picture that the viewer got last, 0 for none.

        Returns:
            Number and JPEG of a newer picture; None after the last one.
        """
        while True:
            arrived = self._arrived
            if self._ended:
                return None
            if self._number > after:
                return await asyncio.to_thread(self._latest)
            await arrived.wait()

    def figures(self, after: int) -> dict[str, Any]:
        """Figures for the page, ready for JSON.

        Args:
            after: number of the last frame that the page knows the figures of.

        Returns:
            The attributes of the latest `FrameStats`; "age_s", the time since that frame was shown;
            "jitter_p50_p95_percent", percentiles of the recent jitter; and "samples", a list of [number, tracking ms,
            capture to result ms, jitter in % of the inter-ocular distance or null] of every frame after `after`.
            Empty before the first frame and after the last.
        """
        with self._lock:
            stats, history, age_s = self._stats, list(self._history), time.perf_counter() - self._put_s
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

    def _latest(self) -> tuple[int, bytes]:
        with self._encoding:
            with self._lock:
                number, image = self._number, self._image
            if number != self._encoded[0]:
                assert image is not None
                encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
                self._encoded = number, encoded.tobytes()
            return self._encoded


def _percentiles(values: list[float]) -> list[float]:
    return [round(float(value), 3) for value in np.percentile(values, [50, 95])]
