"""OpenCV's video reader: opening it without its own diagnostics, and saying why a camera does not open."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy.typing as npt

from sdfl.errors import ConfigError
from sdfl.runtime.sources.base import DEFAULT_FPS

NETWORK_TIMEOUT_MS = 8000
NAMES = Path("/sys/class/video4linux")  # where Linux keeps what cameras are called


@dataclass(frozen=True)
class CameraMode:
    """What to ask a camera for. None leaves a choice to the camera, which may also give something else.

    Attributes:
        width: of the frames, px.
        height: of the frames, px.
        fps: frames per second.
        mjpg: whether frames come as MJPG, which many cameras need for large frames.
    """

    width: int | None = None
    height: int | None = None
    fps: float | None = None
    mjpg: bool = False

    @classmethod
    def parse(cls, resolution: str | None, fps: float | None, *, mjpg: bool) -> CameraMode:
        """The mode that the options of the command line ask for.

        Args:
            resolution: "1280x720", None where it is not given.
            fps: frames per second, None where it is not given.
            mjpg: whether MJPG is asked for.

        Raises:
            ConfigError: names the option that is wrong.
        """
        width = height = None
        if resolution is not None:
            match = re.fullmatch(r"([1-9]\d{1,4})[x×]([1-9]\d{1,4})", resolution.strip().lower())
            if match is None:
                raise ConfigError(f"--resolution must be WIDTHxHEIGHT, such as 1280x720, got {resolution!r}")
            width, height = int(match[1]), int(match[2])
        if fps is not None and not 1 <= fps <= 1000:
            raise ConfigError(f"--fps must lie in 1..1000, got {fps:g}")
        return cls(width, height, fps, mjpg)

    def settings(self) -> list[tuple[int, float]]:
        """OpenCV's properties in the order in which drivers want them."""
        wanted = [
            (cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*"MJPG")) if self.mjpg else None),
            (cv2.CAP_PROP_FRAME_WIDTH, self.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, self.height),
            (cv2.CAP_PROP_FPS, self.fps),
        ]
        return [(key, float(value)) for key, value in wanted if value is not None]


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that sources use."""

    def read(self) -> tuple[bool, npt.NDArray[Any]]:
        """Whether there is a next frame, and the frame."""
        ...

    def get(self, prop: int, /) -> float:
        """A property of OpenCV, such as `cv2.CAP_PROP_FPS`."""
        ...

    def release(self) -> None:
        """Close the reader."""
        ...


LOG_LEVEL_SILENT = 0  # OpenCV's number


def quiet_opencv() -> None:
    """Keep OpenCV and FFmpeg from printing their own diagnostics, since a SourceError says it in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    if "OPENCV_LOG_LEVEL" not in os.environ:
        # OpenCV 4.10 to 4.12 have it at the top, the versions before and after in a module of its own.
        at_top = getattr(cv2, "setLogLevel", None)
        set_level: Callable[[int], Any] = at_top or cv2.utils.logging.setLogLevel
        set_level(LOG_LEVEL_SILENT)


def open_device(index: int, mode: CameraMode = CameraMode()) -> Capture | None:
    """The reader of a camera, None where it is missing, busy or gives no picture."""
    quiet_opencv()
    capture = cv2.VideoCapture(index, cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    for key, value in mode.settings():
        capture.set(key, value)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # an older picture in a driver's queue is latency
    if capture.isOpened() and capture.read()[0]:
        return capture
    capture.release()
    return None


def nominal_fps(capture: Capture) -> float:
    """What the reader declares, or DEFAULT_FPS where that cannot be a frame rate."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


def camera_indices() -> list[int]:
    """Numbers of the cameras that this computer may have, the lowest first."""
    if sys.platform != "linux":
        return [0, 1]
    names = (path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    return sorted(int(name) for name in names if name.isdecimal())


def camera_lines() -> list[str]:
    """One line per camera: its number, and its name where the system knows it; or that there is none."""
    lines = []
    for index in camera_indices():
        try:
            name = (NAMES / f"video{index}" / "name").read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            name = ""
        lines.append(f"{index}  {name}".rstrip())
    return lines or ["no camera found"]


def why_no_camera(index: int) -> str:
    """One line that says why camera `index` did not open, and what to try."""
    found = camera_indices()
    device = Path(f"/dev/video{index}")
    if index not in found:
        others = f"this computer has {', '.join(map(str, found))}" if found else "this computer has none"
        return f"camera {index} does not exist ({others}); plug one in, or try the source 'sample'"
    if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
        return f"camera {index} may not be read; run sudo usermod -aG video $USER, then log in again"
    return f"camera {index} gives no picture; close the program that uses it, or try another index"
