"""Recording frames as a video file."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from sdfl.errors import ConfigError, SdflError, SourceError, WriteError
from sdfl.files import Recording
from sdfl.runtime.outputs.video_encoder import CONTAINERS, VideoEncoder, encodable_size, open_encoder
from sdfl.runtime.sources.video.source import VideoSource
from sdfl.types import Image

MAX_GAP_S = 10.0  # longer gaps between two frames are shortened to this
LEAST_FREE_BYTES = 1 << 20  # on the disk while recording
INDEX_BYTES = 64  # of a frame in the tables that are written at the end, at most


class Recorder:
    """A context manager that writes a video. It gets its name at the end, also after Ctrl-C or an error elsewhere.

    Recording ends while the disk has space left for the tables that the end of a video consists of. If it cannot be
    written, what there is lies beside the file of an earlier recording.

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
        try:
            self._recording = Recording(path)
            self._recording.path.touch()
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
            WriteError: the disk is full; the recorder is closed then.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._write(image, timestamp_s)
            except OSError as error:
                self._closed = True
                raise self._failure(error, whole=self._finished()) from error

    def _write(self, image: Image, timestamp_s: float) -> None:
        if self._encoder is None:
            self._size = (image.shape[1], image.shape[0])
            self._encoder = open_encoder(self._recording.path, encodable_size(*self._size), self._fps, shown=self.path)
            self._start_s = self._last_s = timestamp_s
        self._require_space()
        if (gap_s := timestamp_s - self._last_s) > MAX_GAP_S:
            self._start_s += gap_s - MAX_GAP_S
        self._last_s = max(timestamp_s, self._last_s)
        self._encoder.write(padded(fitted(image, self._size)), timestamp_s - self._start_s)

    def _require_space(self) -> None:
        """Raises OSError where the disk has no space for the next frame, those in the encoder, and the tables."""
        if self._recording.is_special:
            return
        needed = LEAST_FREE_BYTES + self._size[0] * self._size[1] + INDEX_BYTES * self.frames_written
        if shutil.disk_usage(self._recording.path.parent).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _finished(self) -> bool:
        """Finish the file after a failure; whether that was possible."""
        try:
            if self._encoder is not None:
                self._encoder.close()
        except (OSError, ConfigError):
            return False
        return True

    def close(self) -> None:
        """Finish the file and give it its name; without a single frame no file is left. May be called twice.

        Raises:
            WriteError: the disk does not take all of it.
        """
        with self._lock:
            closed, self._closed = self._closed, True
            if closed:
                return
            if not self.frames_written:
                self._discard()
                return
            try:
                assert self._encoder is not None, "it has written frames"
                self._encoder.close()
                self._recording.finish()
            except OSError as error:
                raise self._failure(error, whole=False) from error
            except BaseException:
                self._recording.finish()
                raise

    def _discard(self) -> None:
        self._finished()
        if not self._recording.is_special:
            self._recording.path.unlink(missing_ok=True)

    def _failure(self, error: OSError, *, whole: bool) -> WriteError:
        """The error to raise; what was written is kept beside.

        Args:
            error: of the write.
            whole: whether the file could be finished.
        """
        reason = f"--save {self._recording.failure(error)}"
        beside = self._recording.keep_beside() if self.frames_written else None
        if beside is None:
            self._discard()
            return WriteError(reason)
        if whole:
            return WriteError(f"{reason}; {self.frames_written} frames are kept in {beside}")
        ending = "ends early" if _plays(beside) else "does not play, since its end is missing"
        return WriteError(f"{reason}; what was written is kept in {beside}, which {ending}")

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except WriteError as own:
            if isinstance(error, SdflError):
                raise WriteError(f"{own}; {error}") from error
            raise


def _plays(path: Path) -> bool:
    try:
        return next(iter(VideoSource(path, say=lambda _: None)), None) is not None
    except SourceError:
        return False


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
