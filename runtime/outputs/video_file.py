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
from sdfl.runtime.outputs.video_encoder import CONTAINERS, VideoEncoder, encodable_size, open_encoder
from sdfl.types import Image

MAX_GAP_S = 10.0  # longer gaps between two frames are shortened to this


class Recorder:
    """A context manager that writes a video. The file gets its name at the end, also after an error or Ctrl-C.

    The video keeps the times of the frames, and every row and column: pictures whose sides are odd get a copy of their
    last row or column. One thread may close the recorder while another one writes; frames that come later are left out.

    Args:
        path: of the video; its suffix is one of CONTAINERS.
        fps: nominal rate of the video.

    Raises:
        ConfigError: the suffix is unknown, or the folder cannot be written to.
    """

    def __init__(self, path: Path, fps: float) -> None:
        if path.suffix.lower() not in CONTAINERS:
            raise ConfigError(f"--save {path}: the name must end in one of {', '.join(CONTAINERS)}")
        self.path, self._fps = path, fps
        self._encoder: VideoEncoder | None = None
        self._start_s = self._last_s = 0.0
        self._lock, self._closed = threading.Lock(), False
        self._size = (0, 0)
        self._stack = ExitStack()
        try:
            self._temporary = self._stack.enter_context(recording_path(path))
            self._temporary.touch()
        except OSError as error:
            raise ConfigError(f"--save {path}: cannot be written ({error.strerror})") from error

    @property
    def frames_written(self) -> int:
        """Number of frames in the video; without H.264, those that are repeated to keep the time count as well."""
        return self._encoder.frames_written if self._encoder else 0

    def write(self, image: Image, timestamp_s: float) -> None:
        """Add a frame.

        Args:
            image: (H, W, 3) uint8 BGR; one of another size than the first is fitted into that, with black bars.
            timestamp_s: of the frame, after that of the frame before.

        Raises:
            ConfigError: such a video cannot be written.
        """
        with self._lock:
            if not self._closed:
                self._write(image, timestamp_s)

    def _write(self, image: Image, timestamp_s: float) -> None:
        if self._encoder is None:
            self._size = (image.shape[1], image.shape[0])
            self._encoder = open_encoder(self._temporary, encodable_size(*self._size), self._fps, shown=self.path)
            self._start_s = self._last_s = timestamp_s
        if (gap_s := timestamp_s - self._last_s) > MAX_GAP_S:
            self._start_s += gap_s - MAX_GAP_S
        self._last_s = max(timestamp_s, self._last_s)
        self._encoder.write(padded(fitted(image, self._size)), timestamp_s - self._start_s)

    def close(self) -> None:
        """Finish the file and give it its name; without a single frame no file is left. May be called twice."""
        with self._lock:
            closed, self._closed = self._closed, True
            try:
                if self._encoder is not None and not closed:
                    self._encoder.close()
            finally:
                if not self.frames_written:
                    self._temporary.unlink(missing_ok=True)
                self._stack.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fitted(image: Image, size: tuple[int, int]) -> Image:
    """A picture scaled to lie within `size` (width, height), in the middle of black bars where its shape differs."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height)
    within = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top = (size[0] - within[0]) // 2, (size[1] - within[1]) // 2
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + within[1], left : left + within[0]] = cv2.resize(image, within, interpolation=method)
    return canvas


def padded(image: Image) -> Image:
    """A picture of an `encodable_size`: its last row and column are repeated as often as it takes."""
    height, width = image.shape[:2]
    new_width, new_height = encodable_size(width, height)
    if (new_width, new_height) == (width, height):
        return image
    edge = cv2.copyMakeBorder(image, 0, new_height - height, 0, new_width - width, cv2.BORDER_REPLICATE)
    return np.asarray(edge, np.uint8)
