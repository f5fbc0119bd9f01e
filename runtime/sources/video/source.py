"""A video with an end, from a file or from the network: every frame, in order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sdfl.errors import DataError, SourceError
from sdfl.files import is_special
from sdfl.pictures import MAX_PIXELS, check_size
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.addresses import shown_source
from sdfl.runtime.sources.base import FrameSource, to_bgr8
from sdfl.runtime.sources.capture import nominal_fps
from sdfl.runtime.sources.video import pyav
from sdfl.runtime.sources.video.decoder import VideoDecoder
from sdfl.runtime.sources.video.opencv import OpencvDecoder
from sdfl.runtime.sources.video.times import FrameTimes
from sdfl.runtime.sources.video.truncation import missing_bytes
from sdfl.types import Frame

CUT_OFF_S = 0.5  # durations are rounded, and the last frame's may be long


class VideoSource(FrameSource):
    """Every frame of a video, in order, with square pixels, upright and not mirrored, as a player shows it.

    Frames that are damaged are left out, and so is their time.

    Args:
        path: of the file.
        name: what messages call it, None for its path.
        opening: opens the video, None for the file.
        described_by: a decoder of this video that was opened already, so that it need not be opened to describe it.
        max_pixels: largest number of pixels of a frame.
        threads: that PyAV decodes a file with, None for one for each processor.
        say: is told at the end how many frames were damaged.

    Raises:
        SourceError: the file is missing or no video; while iterating, after its last frame, that it is cut off.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        name: str | None = None,
        opening: Callable[[], VideoDecoder] | None = None,
        described_by: VideoDecoder | None = None,
        max_pixels: int = MAX_PIXELS,
        threads: int | None = None,
        say: Say = to_stderr,
    ) -> None:
        self.name, self.path, self._say = name or shown_source(str(path)), path, say
        self._threads = threads
        self._opening = opening or self._open_file
        decoder = described_by or self._opening()
        self.fps, self.num_frames = decoder.fps, decoder.num_frames
        self.stills = self.loops = decoder.still  # a single picture stays in view
        decoder.close()
        check_frames(decoder, self.name, max_pixels)

    def __iter__(self) -> Iterator[Frame]:
        decoder, count = self._opening(), 0
        times = FrameTimes(decoder.fps)
        try:
            for frame in decoder:
                yield Frame(to_bgr8(frame.image, self.name), count + decoder.lost, times.place(frame.time_s))
                count += 1
        except OSError as error:
            raise SourceError(
                f"{self.name}: cannot be read after frame {count} ({error.strerror}); the frames before that were used"
            ) from error
        finally:
            decoder.close()
        self._report(decoder, count, times.last_s)

    def _open_file(self) -> VideoDecoder:
        assert self.path is not None, "either a path or a function that opens"
        if is_special(self.path):
            raise SourceError(f"{self.name}: is a pipe or a device, which cannot be read twice; give a file or a URL")
        if not self.path.is_file():
            raise SourceError(
                f"{self.name}: no such file; give a camera index, a video, a picture, a folder, a URL or 'sample'"
            )
        return open_decoder(self.path, self.name, self._threads)

    def _report(self, decoder: VideoDecoder, count: int, last_s: float) -> None:
        """Say what is wrong with the video as a whole, once all that can be used has been used."""
        if not count:
            raise SourceError(f"{self.name}: holds no frame that can be decoded; copy or convert it again")
        if self.path is not None and missing_bytes(self.path):
            raise SourceError(f"{self.name}: is cut off after frame {count}; the frames before that were used")
        if (missing_s := (self.num_frames or 0) / self.fps - last_s) > CUT_OFF_S and self._may_end_early(decoder):
            advice = "pip install av, which reads more" if self.path else "the connection may have been cut"
            self._say(f"{self.name}: its last {missing_s:.1f} s did not come; {advice}")
        if decoder.lost:
            damaged = "frame is damaged and was" if decoder.lost == 1 else "frames are damaged and were"
            end = "; the file ends in a damaged frame and is probably cut off" if decoder.ends_damaged else ""
            self._say(f"{self.name}: {decoder.lost} {damaged} left out, {count} were used{end}")

    def _may_end_early(self, decoder: VideoDecoder) -> bool:
        """Whether the number of frames is to be trusted more than the end of the video."""
        return not decoder.still and (self.path is None or isinstance(decoder, OpencvDecoder))


def open_decoder(path: Path, name: str, threads: int | None = None) -> VideoDecoder:
    """Open a file with PyAV or, without it, with OpenCV.

    Args:
        path: of a file that exists.
        name: what messages call it.
        threads: that PyAV decodes with, None for one for each processor.

    Raises:
        SourceError: it is no video that the library can decode; names the library, and says whether it is cut off.
    """
    library = pyav.PyavDecoder.library if pyav.library() else OpencvDecoder.library
    try:
        # Without the protocol, FFmpeg would take "a:b.mp4" for an address.
        return pyav.PyavDecoder(f"file:{path}", threads=threads) if pyav.library() else OpencvDecoder(str(path))
    except LookupError as error:
        raise SourceError(f"{name}: {error.args[0]}") from error
    except PermissionError as error:
        raise SourceError(f"{name}: may not be read; change its permissions") from error
    except OSError as error:
        if not path.stat().st_size:
            raise SourceError(f"{name}: is empty; copy or record it again") from None
        if missing := missing_bytes(path):
            raise SourceError(
                f"{name}: is cut off: its last {missing} bytes are missing, and without them {library} cannot decode "
                "it; copy it again"
            ) from error
        raise SourceError(
            f"{name}: is not a video that {library} can decode, or its recording was not finished; copy or convert it "
            "again"
        ) from error


def check_frames(decoder: VideoDecoder, name: str, max_pixels: int) -> None:
    """Raise SourceError for a video whose frames are larger than they may be.

    Args:
        decoder: opened or closed.
        name: what the message calls the video.
        max_pixels: largest number of pixels of a frame.
    """
    try:
        if all(decoder.size):
            check_size(name, *decoder.size, max_pixels)
    except DataError as error:
        raise SourceError(str(error)) from error


class CaptureSource(FrameSource):
    """The remaining frames of an opened `cv2.VideoCapture`; the program that opened it releases it.

    Args:
        capture: has `read`, `get` and `isOpened`.

    Raises:
        SourceError: it is not open.
    """

    name = "cv2.VideoCapture"

    def __init__(self, capture: Any) -> None:
        if not capture.isOpened():
            raise SourceError(f"{self.name}: is not open; is the path or camera number right?")
        self.fps, self._capture = nominal_fps(capture), capture

    def __iter__(self) -> Iterator[Frame]:
        for index in itertools.count():
            arrived, pixels = self._capture.read()
            if not arrived:
                return
            yield Frame(to_bgr8(pixels, self.name), index, index / self.fps)
