"""Encoding video: H.264 by PyAV, which browsers play, or what OpenCV always has."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sdfl.errors import ConfigError
from sdfl.runtime.sources.capture import quiet_opencv
from sdfl.runtime.sources.video import pyav
from sdfl.types import Image

CONTAINERS = {".mp4": "mp4", ".avi": "avi", ".mkv": "matroska"}
OPENCV_CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}  # every build of OpenCV has these; free of patents
H264_ENCODERS = ("libx264", "libopenh264")
MUXING = {  # suffix -> options of FFmpeg: play while loading; write often, to notice a full disk while there is space
    ".mp4": {"movflags": "+faststart"},
    ".mkv": {"cluster_size_limit": str(1 << 18)},
}
TICKS_PER_S = 90_000  # divisible by the usual rates
LEAST_SIDE_PX = 16  # encoders crash on less
X264 = {"preset": "veryfast", "crf": "20"}
BT601, LIMITED_RANGE = 5, 1  # numbers of H.264 for how BGR was turned into YUV


def encodable_size(width: int, height: int) -> tuple[int, int]:
    """The size of a video that holds every row and column of a picture: encoders want even numbers."""
    return max(LEAST_SIDE_PX, width + width % 2), max(LEAST_SIDE_PX, height + height % 2)


class VideoEncoder(ABC):
    """An open video file.

    Attributes:
        frames_written: number of frames in the file.
    """

    frames_written = 0

    @abstractmethod
    def write(self, image: Image, time_s: float) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 BGR of the size of the video.
            time_s: from the start of the video on.

        Raises:
            ConfigError: the encoder refuses it.
            OSError: the disk does not take it.
        """

    @abstractmethod
    def close(self) -> None:
        """Finish the file.

        Raises:
            OSError: the file is not whole.
        """


def open_encoder(path: Path, size: tuple[int, int], fps: float, *, shown: Path) -> VideoEncoder:
    """The best encoder that is there.

    Args:
        path: of the file to write.
        size: (width, height), see `encodable_size`.
        fps: nominal rate.
        shown: the path that messages name; its suffix is a key of CONTAINERS.

    Raises:
        ConfigError: no library can write such a video.
    """
    suffix = shown.suffix.lower()
    encoder = h264_encoder() if suffix != ".avi" else None
    if encoder is not None:
        return _H264(path, size, fps, encoder, shown)
    return _OpencvEncoder(path, size, fps, shown)


def h264_encoder() -> str | None:
    """The name of FFmpeg's encoder of H.264 that PyAV brings, None without one."""
    av = pyav.library()
    return next((name for name in H264_ENCODERS if av is not None and name in av.codec.codecs_available), None)


class _H264(VideoEncoder):
    """Keeps the times of the frames as they are."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, encoder: str, shown: Path) -> None:
        av = pyav.library()
        assert av is not None, "the caller has looked for the encoder"
        self._av, self._shown, self._size = av, shown, size
        rate = Fraction(fps).limit_denominator(1001)
        options = MUXING.get(shown.suffix.lower(), {})
        try:
            self._container = av.open(str(path), "w", format=CONTAINERS[shown.suffix.lower()], options=dict(options))
            self._stream: Any = self._container.add_stream(encoder, rate=rate, options=dict(X264))
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.time_base = Fraction(1, TICKS_PER_S)
            context.colorspace, context.color_range = BT601, LIMITED_RANGE
            context.open()
        except av.error.FFmpegError as error:
            raise self._refusal(error) from error
        self._duration = round(TICKS_PER_S / fps)
        self._last_tick = -1

    def write(self, image: Image, time_s: float) -> None:
        frame = self._av.VideoFrame.from_ndarray(image, format="bgr24")
        self._last_tick = max(round(time_s * TICKS_PER_S), self._last_tick + 1)
        frame.pts, frame.time_base, frame.duration = self._last_tick, Fraction(1, TICKS_PER_S), self._duration
        self._mux(frame)
        self.frames_written += 1

    def close(self) -> None:
        try:
            self._mux(None)
        finally:
            self._container.close()

    def _mux(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except self._av.error.FFmpegError as error:
            if isinstance(error, OSError):  # of the file, while those of the encoder are none
                raise
            raise self._refusal(error) from error

    def _refusal(self, error: Any) -> ConfigError:
        width, height = self._size
        reason = f"a video of {width} x {height} px fails ({error.strerror})"
        return ConfigError(f"--save {self._shown}: {reason}; try a name ending in .avi")


class _OpencvEncoder(VideoEncoder):
    """Has one frame for each 1/fps s: where the source dropped some, the frame before is repeated."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float, shown: Path) -> None:
        quiet_opencv()
        self._path = path
        codec = cv2.VideoWriter.fourcc(*OPENCV_CODECS[shown.suffix.lower()])
        self._fps, self._last = fps, np.zeros((size[1], size[0], 3), np.uint8)
        self._writer = cv2.VideoWriter(str(path), codec, fps, size)
        if not self._writer.isOpened():
            raise ConfigError(f"--save {shown}: OpenCV cannot write this kind of video; try a name ending in .avi")

    def write(self, image: Image, time_s: float) -> None:
        missing = round(time_s * self._fps) - self.frames_written
        if missing < 0:
            return  # its place is taken by an earlier frame
        for each in [self._last] * missing + [image]:
            self._writer.write(each)
            self.frames_written += 1
        self._last = image

    def close(self) -> None:
        """OpenCV hides a write that fails, but writes nothing after it: then the file lacks its number of frames."""
        self._writer.release()
        written = cv2.VideoCapture(str(self._path))
        try:
            if self.frames_written and written.get(cv2.CAP_PROP_FRAME_COUNT) <= 0:
                raise OSError(errno.ENOSPC, "OpenCV could not write all of it")
        finally:
            written.release()
