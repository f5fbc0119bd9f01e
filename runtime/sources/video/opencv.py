"""Video by OpenCV, where PyAV is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.runtime.sources.capture import NETWORK_TIMEOUT_MS, Capture, nominal_fps, quiet_opencv
from sdfl.runtime.sources.video.decoder import DecodedFrame, VideoDecoder
from sdfl.runtime.sources.video.geometry import as_shown

FRAMES_TO_COMPARE = 8
LEAST_BYTES_PER_VALUE = 1e-3  # a frame that repeats the one before takes less
FIRST_WITHOUT_INTERLACED = (4, 13)  # from here on the conversion of interlaced frames fails, and OpenCV hides it
NO_INTERLACED = (
    "looks interlaced, and OpenCV {version} gives random memory instead of such frames; pip install av, which reads it"
)


class OpencvDecoder(VideoDecoder):
    """A video that OpenCV decodes.

    Args:
        address: a path or a URL.
        network: whether to give up after NETWORK_TIMEOUT_MS.

    Raises:
        OSError: it does not open.
        LookupError: this version of OpenCV would give wrong pictures; says what to do.
    """

    library = "OpenCV"

    def __init__(self, address: str, *, network: bool = False) -> None:
        capture = open_url(address) if network else open_path(str(Path(address).absolute()))
        if capture is None:
            raise OSError("OpenCV cannot open it")
        self._capture = capture
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.num_frames, self.fps = count if count > 0 else None, nominal_fps(capture)
        self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
        self.endless = network and not self.num_frames
        if not network and _version() >= FIRST_WITHOUT_INTERLACED and gives_random_memory(address):
            self.close()
            raise LookupError(NO_INTERLACED.format(version=cv2.__version__))

    def __iter__(self) -> Iterator[DecodedFrame]:
        across, down = self._capture.get(cv2.CAP_PROP_SAR_NUM), self._capture.get(cv2.CAP_PROP_SAR_DEN)
        if self._capture.get(cv2.CAP_PROP_ORIENTATION_META) % 180 == 90:  # OpenCV has turned the frames already
            across, down = down, across
        aspect = Fraction(int(across), int(down)) if across > 0 and down > 0 else None
        while True:
            arrived, pixels = self._capture.read()
            if not arrived:
                return
            time_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            yield DecodedFrame(as_shown(np.asarray(pixels, np.uint8), aspect), time_s)

    def close(self) -> None:
        """Release the reader. May be called twice."""
        self._capture.release()


def open_path(path: str) -> Capture | None:
    """The reader of a video file, None where OpenCV cannot decode it."""
    quiet_opencv()
    return _opened(cv2.VideoCapture(path, cv2.CAP_ANY))


def open_url(url: str) -> Capture | None:
    """The reader of a network stream by FFmpeg or GStreamer, None where the address does not answer in time."""
    quiet_opencv()
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
    ]
    return _opened(cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)) or _opened(cv2.VideoCapture(url, cv2.CAP_GSTREAMER))


def _opened(capture: cv2.VideoCapture) -> Capture | None:
    if capture.isOpened():
        return capture
    capture.release()
    return None


def gives_random_memory(path: str) -> bool:
    """Whether OpenCV gives the same picture again and again although the file holds different ones.

    Its conversion to BGR has then failed in silence, and what it gives is whatever lay in memory. A file of one still
    picture is told apart by its packets: they are the same, too, or hold next to nothing.
    """
    shown = _first_frames(path, [], until_they_differ=True)
    if len(shown) < 2 or not np.array_equal(shown[0], shown[-1]):
        return False
    packets = _first_frames(path, [cv2.CAP_PROP_FORMAT, -1], until_they_differ=False)[1:]
    little = shown[0].size * LEAST_BYTES_PER_VALUE
    return any(packet.size > little and not np.array_equal(packet, packets[0]) for packet in packets)


def _first_frames(path: str, settings: list[int], *, until_they_differ: bool) -> list[npt.NDArray[np.uint8]]:
    """The first FRAMES_TO_COMPARE pictures, or packets, of a file."""
    capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, settings)
    frames: list[npt.NDArray[np.uint8]] = []
    while len(frames) < FRAMES_TO_COMPARE:
        arrived, pixels = capture.read()
        if not arrived:
            break
        frames.append(np.array(pixels, np.uint8))
        if until_they_differ and not np.array_equal(frames[0], frames[-1]):
            break
    capture.release()
    return frames


def _version() -> tuple[int, int]:
    major, minor = cv2.__version__.split(".")[:2]
    return int(major), int(minor)
