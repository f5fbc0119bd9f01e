"""A video file: every frame, in order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from sdfl.errors import SourceError
from sdfl.runtime.sources.base import DEFAULT_FPS, FrameSource, to_bgr8
from sdfl.runtime.sources.capture import Capture, nominal_fps, open_video
from sdfl.types import Frame

ROUNDING_S = 0.001  # Matroska and WebM keep whole milliseconds
MOST_FPS = 240  # of a file without a number of frames, whose decoder may guess 1000
CUT_OFF_S = 0.5  # containers round their duration, so a file that lacks less than this at its end is complete


class VideoSource(FrameSource):
    """Every frame of a video file, in order.

    Args:
        path: of the file.

    Raises:
        SourceError: the file is missing or no video; while iterating, after its last frame, that it is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.name, self.path = str(path), path
        capture = self._open()
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.num_frames = count if count > 0 else None
        fps = nominal_fps(capture)
        self.fps = fps if self.num_frames or fps <= MOST_FPS else DEFAULT_FPS
        capture.release()

    def __iter__(self) -> Iterator[Frame]:
        capture = self._open()
        try:
            index, position_s, timestamp_s = 0, 0.0, 0.0
            while True:
                arrived, pixels = capture.read()
                if not arrived:
                    break
                position_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                timestamp_s = self._timestamp_s(index, position_s, timestamp_s)
                yield Frame(to_bgr8(pixels, self.name), index, timestamp_s)
                index += 1
        finally:
            capture.release()
        self._check_complete(index, position_s)

    def _timestamp_s(self, index: int, position_s: float, last_s: float) -> float:
        """The time of a frame. position_s: what the decoder says; that counts where frames come at an uneven rate."""
        even_s = index / self.fps
        now_s = even_s if abs(position_s - even_s) <= ROUNDING_S else position_s
        if index == 0:
            return 0.0
        return now_s if now_s > last_s else last_s + 1 / self.fps

    def _open(self) -> Capture:
        if not self.path.is_file():
            raise SourceError(
                f"{self.name}: no such file; give a camera index, a video, a picture, a folder, a URL or 'sample'"
            )
        capture = open_video(self.path)
        if capture is None:
            raise SourceError(f"{self.name}: is not a video that OpenCV can decode, or it is cut off; copy it again")
        return capture

    def _check_complete(self, count: int, position_s: float) -> None:
        """Raise SourceError for a file that is cut off: both its frames and its time must fall short.

        In some containers the number of frames is only an estimate from the duration.
        """
        if not count:
            raise SourceError(f"{self.name}: holds no frame that can be decoded; copy or convert it again")
        declared = self.num_frames or 0
        missing_s = (declared - 1) / self.fps - position_s
        if count < declared and missing_s > CUT_OFF_S:
            raise SourceError(f"{self.name}: is cut off after frame {count} of {declared}; those were used")


class CaptureSource(FrameSource):
    """The remaining frames of an opened `cv2.VideoCapture`; the program that opened it releases it.

    Args:
        capture: has `read`, `get` and `isOpened`.

    Raises:
        SourceError: it is not open.
    """

    name = "cv2.VideoCapture"

    def __init__(self, capture: Any) -> None:
        if not capture.isOpened():
            raise SourceError(f"{self.name}: is not open; is the path or camera number right?")
        self.fps, self._capture = nominal_fps(capture), capture

    def __iter__(self) -> Iterator[Frame]:
        for index in itertools.count():
            arrived, pixels = self._capture.read()
            if not arrived:
                return
            yield Frame(to_bgr8(pixels, self.name), index, index / self.fps)
