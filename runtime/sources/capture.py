"""OpenCV's video reader: opening it without its own diagnostics, and saying why a camera does not open."""

from __future__ import annotations

import os
import re
import sys
import time
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
PROBED = range(4)  # camera numbers that are tried where the system does not list cameras as files
# System -> OpenCV's back end. Media Foundation gives the full frame rate of large frames, where DirectShow often falls
# back to uncompressed ones. Its faults are a slow start, which sdfl/__init__.py cures, and that it does not see virtual
# cameras of DirectShow. Never one back end after another: they count cameras differently, so that the same number may
# be another camera.
BACK_ENDS = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_MSMF}
FIRST_READS, FIRST_READS_PAUSE_S = 10, 0.1  # AVFoundation and Media Foundation may open before a first picture is there
BUSY = "close the program that uses it"
NO_PICTURE = {
    "linux": f"{BUSY}, or try another index",
    "darwin": "allow your terminal to use it in System Settings > Privacy & Security > Camera and start again, "
    f"{BUSY}, or try another index",
    "win32": f"{BUSY}, allow desktop apps to use it in Settings > Privacy & security > Camera, or try another index",
}


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
    capture = cv2.VideoCapture(index, BACK_ENDS.get(sys.platform, cv2.CAP_ANY))
    for key, value in mode.settings():
        capture.set(key, value)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # an older picture in a driver's queue is latency
    if capture.isOpened() and _sends(capture):
        return capture
    capture.release()
    return None


def _sends(capture: Capture) -> bool:
    """Whether a camera that was just opened gives a picture. V4L2 waits for the first one by itself."""
    if sys.platform == "linux":
        return capture.read()[0]
    for _ in range(FIRST_READS):
        if capture.read()[0]:
            return True
        time.sleep(FIRST_READS_PAUSE_S)
    return False


def nominal_fps(capture: Capture) -> float:
    """What the reader declares, or DEFAULT_FPS where that cannot be a frame rate."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return fps if 0.1 <= fps <= 1000 else DEFAULT_FPS


def camera_indices() -> list[int]:
    """Numbers of the cameras that this computer may have, the lowest first."""
    if sys.platform != "linux":
        return list(PROBED)
    names = (path.name.removeprefix("video") for path in Path("/dev").glob("video*"))
    return sorted(int(name) for name in names if name.isdecimal())


def camera_lines() -> list[str]:
    """One line per camera: its number, and its name where the system knows it; or that there is none."""
    return [f"{index}  {_name(index)}".rstrip() for index in _present()] or ["no camera found"]


def _present() -> list[int]:
    """Numbers of the cameras that there are. Only Linux tells; elsewhere each is opened for a moment."""
    if sys.platform == "linux":
        return camera_indices()
    present = []
    for index in camera_indices():
        if (capture := open_device(index)) is not None:
            capture.release()
            present.append(index)
    return present


def _name(index: int) -> str:
    try:
        return (NAMES / f"video{index}" / "name").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def why_no_camera(index: int) -> str:
    """One line that says why camera `index` did not open, and what to try."""
    advice = NO_PICTURE.get(sys.platform, NO_PICTURE["linux"])
    if sys.platform != "linux":
        return f"camera {index} does not exist or gives no picture; {advice}"
    found = camera_indices()
    if index not in found:
        others = f"this computer has {', '.join(map(str, found))}" if found else "this computer has none"
        return f"camera {index} does not exist ({others}); plug one in, or try the source 'sample'"
    if not os.access(f"/dev/video{index}", os.R_OK | os.W_OK):
        return f"camera {index} may not be read; run sudo usermod -aG video $USER, then log in again"
    return f"camera {index} gives no picture; {advice}"
