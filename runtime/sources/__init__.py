"""Where frames come from: cameras, streams, videos, pictures and a sample clip, all as one kind of iterator.

with open_source("clip.mp4") as source:
    for frame in source:
        ...
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from numbers import Integral
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sdfl.errors import SourceError
from sdfl.pictures import MAX_PIXELS, is_animation, is_picture
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.addresses import is_url, path_of, shown_source
from sdfl.runtime.sources.base import FrameSource
from sdfl.runtime.sources.capture import CameraMode, camera_indices
from sdfl.runtime.sources.live import LiveSource, open_camera
from sdfl.runtime.sources.pictures import AnimationSource, IteratorSource, MemorySource, PictureSource, is_pil
from sdfl.runtime.sources.sample import SampleSource
from sdfl.runtime.sources.video import CaptureSource, VideoSource

__all__ = [
    "AnimationSource",
    "CaptureSource",
    "FrameSource",
    "IteratorSource",
    "LiveSource",
    "MemorySource",
    "PictureSource",
    "SampleSource",
    "Source",
    "VideoSource",
    "default_source",
    "open_source",
]

SAMPLE = "sample"
MOST_DIGITS = 4  # of a camera's number
CAMERA_FILE = re.compile(r"/dev/video(\d+)")
WANTED = "give a camera number, a path, a URL, a list or iterator of pictures, or a cv2.VideoCapture"
NO_WEBCAM = "no webcam found"
SHOWING_SAMPLE = "showing the sample clip (name a camera, video, picture, folder or URL to see another)"

Source: TypeAlias = Any
"""What `open_source` takes."""


def open_source(
    source: Source,
    *,
    mode: CameraMode = CameraMode(),  # noqa: B008
    max_pixels: int = MAX_PIXELS,
    say: Say = to_stderr,
) -> FrameSource:
    """Frames from wherever they come.

    Args:
        source: one of
            - the path of a video, a picture or a folder of pictures, as text or Path; what exists is never taken for
              one of the following, and an animated picture is a video;
            - a camera number (0, "0" or "/dev/video0");
            - "sample", a clip that needs neither;
            - the URL of a stream, a video or a picture (rtsp://, http://, file://);
            - a list of pictures of one video (arrays or PIL) or of `Frame`s, or of paths of pictures that have nothing
              to do with each other;
            - an iterator of pictures or `Frame`s of one video, or of paths of pictures that have nothing to do with
              each other;
            - an opened `cv2.VideoCapture`;
            - a `FrameSource`, which is returned as it is.
        mode: what to ask a camera for.
        max_pixels: largest number of pixels of a picture file.
        say: takes one-line remarks, such as that a camera reconnects or a picture of a folder is damaged.

    Returns:
        A context manager that iterates over `Frame`s.

    Raises:
        SourceError: says what is wrong and what to do.
    """
    if isinstance(source, FrameSource):
        return source
    if isinstance(source, Integral) and not isinstance(source, bool):
        if int(source) < 0:
            raise SourceError(f"a camera number must not be negative, got {source}")
        return _open_camera(str(int(source)), mode, say)
    if isinstance(source, str | os.PathLike):
        return _open_named(os.fspath(source), mode, max_pixels, say)
    if hasattr(source, "read") and hasattr(source, "isOpened"):
        return CaptureSource(source)
    if isinstance(source, list | tuple):
        if source and all(isinstance(each, str | os.PathLike) for each in source):
            return PictureSource([Path(each).expanduser() for each in source], max_pixels=max_pixels, say=say)
        return MemorySource(source)
    if isinstance(source, Iterator):
        first = list(itertools.islice(source, 1))
        if first and isinstance(first[0], str | os.PathLike):
            return open_source([*first, *source], max_pixels=max_pixels, say=say)
        return IteratorSource(itertools.chain(first, source))
    raise SourceError(f"the source is {_kind_of(source)}; {WANTED}")


def _kind_of(source: object) -> str:
    """What a message calls something that is no source."""
    if isinstance(source, np.ndarray) and source.ndim == 4:
        return f"an array of {len(source)} pictures: give list(array)"
    if isinstance(source, np.ndarray) or is_pil(source):
        return "one picture: use detect, or give a list"
    return "None" if source is None else type(source).__name__


def _open_named(text: str, mode: CameraMode, max_pixels: int, say: Say) -> FrameSource:
    if not text:
        raise SourceError(f"the source is an empty text; {WANTED}")
    path = _path(text)
    exists = os.path.exists(path)  # noqa: PTH110  no error for what is too long to be a path
    if text == SAMPLE and exists:
        say(f"{text}: the {'folder' if path.is_dir() else 'file'} of this name is taken, and not the sample clip")
    if device := CAMERA_FILE.fullmatch(text):
        return _open_camera(device[1], mode, say)
    if not exists:
        if text == SAMPLE:
            return SampleSource()
        if text.isdecimal():
            return _open_camera(text, mode, say)
        if text.lower().startswith("file:/"):
            return _open_file(path_of(text), max_pixels, say)
        if is_url(text.strip()):
            from sdfl.runtime.sources.network import open_url  # loads http and ssl

            return open_url(text.strip(), _open_file, max_pixels=max_pixels, say=say)
        raise SourceError(f"{shown_source(text)}: no such file; {WANTED}")
    return _open_file(path, max_pixels, say)


def _path(text: str) -> Path:
    if "\0" in text:
        raise SourceError(f"{text!r}: a name cannot hold the character 0")
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~somebody who has no account here
        return Path(text)


def _open_camera(digits: str, mode: CameraMode, say: Say) -> FrameSource:
    if len(digits) > MOST_DIGITS:
        raise SourceError(f"camera {digits[:MOST_DIGITS]}... does not exist; camera numbers are small, such as 0")
    return open_camera(int(digits), mode, say=say)


def _open_file(path: Path, max_pixels: int, say: Say) -> FrameSource:
    if is_animation(path):
        return AnimationSource(path, max_pixels=max_pixels)
    if path.is_dir() or is_picture(path):
        return PictureSource(path, max_pixels=max_pixels, say=say)
    return VideoSource(path, max_pixels=max_pixels, say=say)


def default_source(*, mode: CameraMode = CameraMode(), say: Say = to_stderr) -> FrameSource:  # noqa: B008
    """The first webcam that opens, or the sample clip where there is none.

    Args:
        mode: what to ask the camera for.
        say: is told why there is no webcam.

    Raises:
        MissingDependency: there is no webcam, and the package that brings the sample clip is not installed.
    """
    failures = []
    for index in camera_indices():
        try:
            return open_camera(index, mode, say=say)
        except SourceError as error:
            failures.append(str(error))
    say(f"{failures[0] if failures else NO_WEBCAM}: {SHOWING_SAMPLE}")
    return SampleSource()
