"""OpenCV's video reader: opening it quietly, and saying why a camera does not open."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy.typing as npt

from sdfl.runtime.sources.base import DEFAULT_FPS

NETWORK_TIMEOUT_MS = 8000


class Capture(Protocol):
    """The part of cv2.VideoCapture that sources use."""

    def read(self) -> tuple[bool, npt.NDArray[Any]]: ...

    def get(self, prop: int, /) -> float: ...

    def release(self) -> None: ...


def quiet_opencv() -> None:
    """Keep OpenCV and FFmpeg from printing their own diagnostics; a SourceError says it in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def open_video(path: Path) -> Capture | None:
    """The reader of a video file, None where OpenCV cannot decode it."""
    quiet_opencv()
    return _opened(cv2.VideoCapture(str(path), cv2.CAP_ANY))


def open_url(url: str) -> Capture | None:
    """The reader of a network stream, None where it does not answer in time."""
    quiet_opencv()
    limits = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        NETWORK_TIMEOUT_MS,
    ]
    return _opened(cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits)) or _opened(cv2.VideoCapture(url, cv2.CAP_ANY))


def open_device(index: int) -> Capture | None:
    """The reader of a camera, None where it is missing, busy or gives no picture."""
    quiet_opencv()
    capture = cv2.VideoCapture(index, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # an older picture in a driver's queue is latency
    if capture.isOpened() and capture.read()[0]:
        return capture
    capture.release()
    return None


def _opened(capture: cv2.VideoCapture) -> Capture | None:
    if capture.isOpened():
        return capture
    capture.release()
    return None


def nominal_fps(capture: Capture) -> float:
    """What the reader declares, or DEFAULT_FPS where that cannot be a frame rate."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


def camera_indices() -> list[int]:
    """Indices of the cameras that this computer may have, lowest first."""
    if sys.platform != "linux":
        return [0, 1]
    names = (path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    return sorted(int(name) for name in names if name.isdecimal())


def why_no_camera(index: int) -> str:
    """One line on why camera `index` did not open, and what to try."""
    found = camera_indices()
    device = Path(f"/dev/video{index}")
    if index not in found:
        others = f"this computer has {', '.join(map(str, found))}" if found else "this computer has none"
        return f"camera {index} does not exist ({others}); plug one in, or try the source 'sample'"
    if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
        return f"camera {index} may not be read; run sudo usermod -aG video $USER, then log in anew"
    return f"camera {index} gives no picture; close the program that uses it, or try another index"
