"""Video by PyAV, which is FFmpeg: files, and streams from the network."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from fractions import Fraction
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from sdfl.pictures.orientation import UPRIGHT, Orientation
from sdfl.runtime.sources.base import DEFAULT_FPS
from sdfl.runtime.sources.video.damage import DamageFilter
from sdfl.runtime.sources.video.decoder import DecodedFrame, VideoDecoder
from sdfl.runtime.sources.video.geometry import as_shown, blended, orientation_of, rotated
from sdfl.types import Image

MOST_FPS = 240  # of a stream whose rate is not declared, FFmpeg may guess 90000
LIVE_FORMATS = frozenset({"rtsp", "sdp", "mpjpeg", "rtp"})
SILENT_CODECS = frozenset({"mpeg1video", "mpeg2video", "wmv1", "wmv2", "flv", "h263", "msmpeg4"})  # about damage
PLAYLIST_FORMATS = frozenset({"hls", "dash"})  # of these the size is that of the list


def library() -> ModuleType | None:
    """PyAV, kept from printing FFmpeg's own diagnostics; None where it is not installed."""
    try:
        import av
    except ImportError:
        return None
    av.logging.set_level(None)
    return av


class Timetable(NamedTuple):
    """When a video's frames are shown, as the file has it.

    Attributes:
        times_s: of all frames, sorted.
        keys_s: of those that can be decoded without others, sorted.
    """

    times_s: list[float]
    keys_s: list[float]


class PyavDecoder(VideoDecoder):
    """A video that PyAV decodes.

    Args:
        address: of what FFmpeg opens: `file:` and a path, or a URL.
        options: of FFmpeg's protocols and demuxers.
        timeout_s: how long opening and each read may take, None for as long as they need.
        threads: that decode, None for one for each processor.

    Raises:
        OSError: it does not open; the class and `strerror` say why.
        LookupError: there is no video in it, or no decoder for it; the text says which.
    """

    library = "PyAV"

    def __init__(
        self,
        address: str,
        *,
        options: dict[str, str] | None = None,
        timeout_s: float | None = None,
        threads: int | None = None,
    ) -> None:
        av = library()
        assert av is not None, "the caller has asked for the library"
        self._av = av
        with _as_os_error(av):
            self._container = av.open(address, options=options or {}, metadata_errors="replace", timeout=timeout_s)
        try:
            self._stream = self._video_stream()
            self._stream.codec_context.thread_count = threads or 0
            self._describe()
        except BaseException:
            self._container.close()
            raise

    def _video_stream(self) -> Any:
        """The stream that a player shows; the picture on the cover of a song is none."""
        pictures = self._av.stream.Disposition.attached_pic
        videos = [stream for stream in self._container.streams.video if not stream.disposition & pictures]
        if not videos:
            raise LookupError("holds no video")
        best = self._container.streams.best("video")
        stream = best if best in videos else videos[0]
        if stream.codec_context is None:
            raise LookupError("is of a kind (codec) that this PyAV cannot decode")
        return stream

    def _describe(self) -> None:
        stream, container = self._stream, self._container
        name = set(container.format.name.split(","))
        self.still = any(each.endswith("_pipe") or each == "image2" for each in name)
        self.endless = bool(name & LIVE_FORMATS) or (
            container.duration is None and (container.size <= 0 or bool(name & PLAYLIST_FORMATS))
        )
        rates = (stream.guessed_rate, stream.average_rate)
        self.fps = next((float(rate) for rate in rates if rate and 0.1 <= rate <= MOST_FPS), DEFAULT_FPS)
        self.num_frames = self._about_how_many()
        self.size = (stream.codec_context.width, stream.codec_context.height)
        # Threads that each take a frame are faster, and late by as many frames as there are threads.
        stream.thread_type = "SLICE" if self.endless else "AUTO"
        codec = stream.codec_context.codec
        if codec.intra_only or codec.name in SILENT_CODECS:
            stream.codec_context.options = {"err_detect": "explode"}  # no frame that is half made up
        # MPEG-TS calls packets corrupt where recordings were joined; its decoders tell what is.
        self._knows_parts = "mpegts" not in name
        # AVI keeps no time of a frame, only the order in which frames are decoded.
        self._time_field = "dts" if "avi" in name else "pts"
        self._given = 0
        self._orientations: dict[int, Orientation] = {}
        self._converter = self._av.video.reformatter.VideoReformatter()

    def _about_how_many(self) -> int | None:
        stream, container = self._stream, self._container
        if self.endless:
            return None
        if stream.duration:
            count = round(float(stream.duration * stream.time_base) * self.fps)
            return min(count, stream.frames) if stream.frames else count
        if stream.frames:
            return int(stream.frames)
        alone = len(container.streams) == 1
        return round(container.duration / self._av.time_base * self.fps) if alone and container.duration else None

    def __iter__(self) -> Iterator[DecodedFrame]:
        for frame in self._decoded():
            yield self._shown(frame)

    def _decoded(self) -> Iterator[Any]:
        """Frames that may be shown; the others are counted."""
        codec = self._stream.codec_context.codec
        damage = DamageFilter(predicted=not codec.intra_only)
        failure: OSError | None = None
        packets = self._packets()
        while True:
            try:
                packet = next(packets, None)
            except OSError as error:  # what the decoder holds is good all the same
                packet, failure = None, error
            if packet is not None:
                damage.take_packet(packet, partial=packet.is_corrupt and self._knows_parts)
            try:
                frames = self._stream.decode(packet)
            except self._av.error.EOFError:
                frames = []
            except self._av.error.FFmpegError:
                frames = []
                self._lose()
                damage.take_error()
            for frame in frames:
                if damage.passes(frame):
                    self.ends_damaged = False
                    self._given += 1
                    yield frame
                else:
                    self._lose()
            if packet is None or not packet.size:
                break
        for _ in range(damage.unseen):
            self._lose()
        # A server that does not say how long its file is ends it like a connection that breaks.
        if failure is not None and (self.num_frames is None or self._given + self.lost < self.num_frames):
            raise failure

    def _packets(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            with _as_os_error(self._av):
                packet = next(packets, None)
            if packet is None:
                return
            yield packet

    def timetable(self, begin_s: float | None = None, end_s: float = math.inf) -> Timetable | None:
        """When the frames are shown, read from the packets alone; frames cannot be decoded afterwards.

        Args:
            begin_s: time of the key frame to begin with, as the file has it; None for the beginning.
            end_s: time of the last frame that matters.

        Returns:
            The times of the frames and of the key frames, as the file has them, both sorted; None where the packets do
            not tell exactly which frames a player shows.

        Raises:
            OSError: the file cannot be read.
        """
        if begin_s is not None:
            self.seek(begin_s)
        times: list[float] = []
        keys: list[float] = []
        for packet in self._packets():
            if not packet.size:
                continue
            if packet.pts is None or packet.is_discard or packet.is_corrupt or self._time_field != "pts":
                return None
            time_s = float(packet.pts * packet.time_base)
            if packet.dts is not None and float(packet.dts * packet.time_base) > end_s:
                break
            times.append(time_s)
            if packet.is_keyframe:
                keys.append(time_s)
        return None if len(set(times)) < len(times) or not keys else Timetable(sorted(times), sorted(keys))

    def seek(self, key_s: float) -> None:
        """Go to a key frame.

        Args:
            key_s: its time, as the file has it.

        Raises:
            OSError: the file cannot be read there.
        """
        with _as_os_error(self._av):
            self._container.seek(round(key_s / self._stream.time_base), stream=self._stream)

    def _lose(self) -> None:
        self.lost += 1
        self.ends_damaged = True

    def _shown(self, frame: Any) -> DecodedFrame:
        ticks = getattr(frame, self._time_field)
        time_s = None if ticks is None else float(ticks * (frame.time_base or self._stream.time_base))
        aspect: Fraction | None = self._stream.sample_aspect_ratio
        angle = frame.rotation
        if angle not in self._orientations:  # to ask each frame would keep each in memory until Python tidies up
            self._orientations[angle] = _orientation(frame)
        image = as_shown(self._bgr(frame), aspect, self._orientations[angle])
        return DecodedFrame(image, time_s)

    def _bgr(self, frame: Any) -> Image:
        converted = self._converter.reformat(frame, format="bgr24", threads=1)
        plane = converted.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: converted.height, : 3 * converted.width]
        image = np.ascontiguousarray(rows).reshape(converted.height, converted.width, 3)
        return blended(image) if frame.interlaced_frame else image

    def close(self) -> None:
        """Close the file or the connection. May be called twice."""
        self._container.close()


def _orientation(frame: Any) -> Orientation:
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # beside data that PyAV has no name for, such as EXIF, it tells the angle alone
        return rotated(frame.rotation)
    return orientation_of(bytes(matrix)) if matrix else UPRIGHT


@contextlib.contextmanager
def _as_os_error(av: ModuleType) -> Iterator[None]:
    """Errors of FFmpeg as OSError, without the address, since that may hold a password."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from None
