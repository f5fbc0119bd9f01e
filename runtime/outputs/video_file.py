"""Recording frames as a video file."""

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

CODECS = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}  # every build of OpenCV has these; free of patents
MAX_REPEATS_S = 10.0  # longer gaps between two frames are shortened to this


class Recorder:
    """A context manager that writes a video. The file gets its name at the end, also after an error or Ctrl-C.

    The video keeps the times of the frames: where a live source dropped some, the frame before is repeated. One thread
    may close the recorder while another one writes; frames that come later are left out.

    Args:
        path: of the video; its suffix is a key of CODECS.
        fps: rate of the video.

    Attributes:
        frames_written: number of frames in the video, repeated ones included.

    Raises:
        ConfigError: the suffix is unknown, or the folder cannot be written to.
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
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 BGR; scaled to the size of the first frame.
            timestamp_s: of the frame, after that of the frame before.

        Raises:
            ConfigError: OpenCV cannot write such a video.
        """
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
        """Finish the file and give it its name; without a single frame no file is left. May be called twice."""
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
