"""A video file: every frame, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2

from sdfl.core import Frame
from sdfl.errors import SourceError
from sdfl.runtime.sources.base import FrameSource, to_bgr8
from sdfl.runtime.sources.capture import Capture, nominal_fps, open_video

CUT_OFF_S = 0.5  # containers round their duration; less than this missing at the end is no damage


class VideoSource(FrameSource):
    """Raises SourceError when made where `path` is missing or no video, and after its last frame if it is cut off."""

    def __init__(self, path: Path) -> None:
        self.name, self.path = str(path), path
        capture = self._open()
        self.fps = nominal_fps(capture)
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.num_frames = count if count > 0 else None
        capture.release()

    def __iter__(self) -> Iterator[Frame]:
        capture = self._open()
        try:
            index, position_s = 0, 0.0
            while True:
                arrived, pixels = capture.read()
                if not arrived:
                    break
                position_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                yield Frame(to_bgr8(pixels, self.name), index, index / self.fps)
                index += 1
        finally:
            capture.release()
        self._check_complete(index, position_s)

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
        """Both counts must fall short: for some containers the number of frames is an estimate from the duration."""
        if not count:
            raise SourceError(f"{self.name}: holds no frame that can be decoded; copy or convert it again")
        declared = self.num_frames or 0
        missing_s = (declared - 1) / self.fps - position_s
        if count < declared and missing_s > CUT_OFF_S:
            raise SourceError(f"{self.name}: is cut off after frame {count} of {declared}; those were used")
