"""Saving what is shown as a video file."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from sdfl.errors import ConfigError
from sdfl.files import recording_path
from sdfl.runtime.sources.capture import quiet_opencv
from sdfl.types import Image

CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}  # all in every OpenCV build, patent-free
MAX_REPEATS_S = 10.0  # a longer gap between two frames is cut short


class Recorder:
    """A context manager. The file appears under its name at the end, also after an error or Ctrl-C.

    The video runs in the time of the frames: where a live source dropped some, the one before is repeated. One thread
    may close it while another writes; what comes later is left out.
    Raises ConfigError for an unknown suffix or a folder that cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        if path.suffix.lower() not in CODECS:
            raise ConfigError(f"--save {path}: the name must end in one of {', '.join(CODECS)}")
        self.path, self.frames_written = path, 0
        self._fps = fps
        self._start_s: float | None = None
        self._writer: cv2.VideoWriter | None = None
        self._last: Image | None = None
        self._lock, self._closed = threading.Lock(), False
        self._size = (0, 0)
        self._stack = ExitStack()
        try:
            self._temporary = self._stack.enter_context(recording_path(path))
            self._temporary.touch()
        except OSError as error:
            raise ConfigError(f"--save {path}: cannot be written ({error.strerror})") from error

    def write(self, image: Image, timestamp_s: float) -> None:
        """Add a frame. image: (H, W, 3) BGR; one of another size than the first is scaled to it."""
        with self._lock:
            if not self._closed:
                self._write(image, timestamp_s)

    def _write(self, image: Image, timestamp_s: float) -> None:
        if self._writer is None or self._start_s is None:
            self._start_s = timestamp_s
            self._size = (image.shape[1], image.shape[0])
            self._writer = self._open()
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        missing = round((timestamp_s - self._start_s) * self._fps) - self.frames_written
        if missing < 0:
            return  # its place is taken by an earlier frame
        if (excess := missing - round(MAX_REPEATS_S * self._fps)) > 0:
            self._start_s += excess / self._fps
            missing -= excess
        for each in [self._last] * missing + [image]:
            assert each is not None  # the first frame misses none before it
            self._writer.write(each)
            self.frames_written += 1
        self._last = image

    def close(self) -> None:
        """Finish the file and give it its name. Without a single frame there is none."""
        with self._lock:
            self._closed = True
            if self._writer is not None:
                self._writer.release()
                self._writer = None
        if not self.frames_written:
            self._temporary.unlink(missing_ok=True)
        self._stack.close()

    def _open(self) -> cv2.VideoWriter:
        quiet_opencv()
        codec = cv2.VideoWriter.fourcc(*CODECS[self.path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._temporary), codec, self._fps, self._size)
        if not writer.isOpened():
            raise ConfigError(f"--save {self.path}: OpenCV cannot write this kind of video; try a name ending in .avi")
        return writer

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
