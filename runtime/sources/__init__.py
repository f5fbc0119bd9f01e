"""Where frames come from: cameras, streams, videos, pictures and a sample clip, all as one kind of iterator.

with open_source("clip.mp4") as source:
    for frame in source:
        ...
"""

from __future__ import annotations

from pathlib import Path

from sdfl.datasets.pts import IMAGE_SUFFIXES
from sdfl.errors import SourceError
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.base import FrameSource
from sdfl.runtime.sources.capture import CameraMode, camera_indices
from sdfl.runtime.sources.live import LiveSource, open_camera, open_stream
from sdfl.runtime.sources.pictures import MemorySource, PictureSource
from sdfl.runtime.sources.sample import SampleSource
from sdfl.runtime.sources.video import VideoSource

__all__ = [
    "FrameSource",
    "LiveSource",
    "MemorySource",
    "PictureSource",
    "SampleSource",
    "VideoSource",
    "default_source",
    "open_source",
]

SAMPLE = "sample"
NO_WEBCAM = "no webcam found: showing the sample clip (name a camera, video, picture, folder or URL to see another)"


def open_source(text: str, *, mode: CameraMode = CameraMode(), say: Say = to_stderr) -> FrameSource:  # noqa: B008
    """Open a camera index ("0"), a URL, a video, a picture, a folder of pictures, or "sample".

    mode: what to ask a camera for. say: takes one-line remarks, such as that a camera reconnects. Raises SourceError
    that says what to do.
    """
    if text == SAMPLE:
        return SampleSource()
    if text.isdecimal():
        return open_camera(int(text), mode, say=say)
    if "://" in text:
        return open_stream(text, say=say)
    path = Path(text).expanduser()
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return PictureSource(path)
    return VideoSource(path)


def default_source(*, mode: CameraMode = CameraMode(), say: Say = to_stderr) -> FrameSource:  # noqa: B008
    """The first webcam that opens; without one, say so and give the sample clip."""
    for index in camera_indices():
        try:
            return open_camera(index, mode, say=say)
        except SourceError:
            continue
    say(NO_WEBCAM)
    return SampleSource()
