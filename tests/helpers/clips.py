"""Videos of every kind, made with PyAV from the moving sample, and ways to damage them."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from sdfl.runtime.sources import SampleSource
from sdfl.types import Image

SIZE = (640, 480)


@functools.cache
def sample_images(count: int) -> tuple[Image, ...]:
    """The first frames of the moving sample, 640 x 480 px."""
    return tuple(frame.image for frame in itertools.islice(SampleSource(), count))


def encode(
    path: Path,
    images: Iterable[Image],
    *,
    codec: str = "libx264",
    rate: Fraction | int = 30,
    times: Iterable[float] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    pixel_format: str | None = None,
    sar: Fraction | None = None,
    matrix: Any = None,
    interlaced: bool = False,
    sound_s: float = 0.0,
    offset_s: float = 0.0,
    container_format: str | None = None,
) -> Path:
    """Write a video.

    Args:
        path: of the file; its suffix chooses the container.
        images: (H, W, 3) BGR.
        codec: name of FFmpeg's encoder.
        rate: frames per second.
        times: of the frames in seconds, None for an even rate.
        options: of the encoder.
        container_options: of the container.
        pixel_format: None for the first that the encoder takes.
        sar: width of a pixel divided by its height.
        matrix: display matrix of nine int32.
        interlaced: whether frames are marked as interlaced, the top field first.
        sound_s: length of a silent sound track.
        offset_s: when the first frame is shown.
        container_format: where the suffix does not tell.
    """
    images = list(images)
    height, width = images[0].shape[:2]
    with av.open(str(path), "w", options=container_options or {}, format=container_format) as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = width, height
        stream.pix_fmt = pixel_format or stream.codec_context.codec.video_formats[0].name
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if matrix is not None:
            stream.set_display_matrix(matrix)
        sound: Any = container.add_stream("aac", rate=48_000) if sound_s else None
        ticks = Fraction(1, 90_000)
        if times is not None or offset_s:
            stream.codec_context.time_base = ticks
        for index, (image, time_s) in enumerate(zip(images, times or itertools.count(), strict=False)):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format=stream.pix_fmt)
            if times is not None or offset_s:
                shown_s = offset_s + (time_s if times is not None else Fraction(index) / rate)
                frame.pts, frame.time_base = round(shown_s / ticks), ticks
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _mux_silence(container, sound, sound_s)
    return path


def _mux_silence(container: Any, sound: Any, seconds: float) -> None:
    for start in range(0, round(seconds * 48_000), 1024):
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = 48_000, start
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def woven(images: Iterable[Image]) -> Iterator[Image]:
    """Interlaced frames: even lines of one picture, odd lines of the next."""
    images = list(images)
    for first, second in zip(images[::2], images[1::2], strict=True):
        both = first.copy()
        both[1::2] = second[1::2]
        yield both


def remux(source: Path, target: Path, *, container_format: str | None = None, skip: int = 0, **options: str) -> Path:
    """Copy the video of a file into another container without encoding it again, but for the first `skip` packets."""
    with (
        av.open(str(source)) as old,
        av.open(str(target), "w", options=options, format=container_format) as new,
    ):
        stream = new.add_stream_from_template(old.streams.video[0])
        for index, packet in enumerate(old.demux(video=0)):
            if packet.dts is not None and index >= skip:
                packet.stream = stream
                new.mux(packet)
    return target


def packets(path: Path) -> list[tuple[int, int]]:
    """Where each packet of a video lies in its file: (first byte, length), in the order of decoding."""
    with av.open(str(path)) as container:
        return [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size and packet.pos]


def overwrite(path: Path, places: Iterable[tuple[int, int]]) -> Path:
    """Fill parts of a file with zeros."""
    content = bytearray(path.read_bytes())
    for start, length in places:
        content[start : start + length] = bytes(length)
    path.write_bytes(content)
    return path


def cut(path: Path, fraction: float = 0.5) -> Path:
    """Cut the end off a file."""
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * fraction)])
    return path
