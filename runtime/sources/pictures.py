"""Pictures: files, a folder of them, animations, arrays in memory, or whatever a program's own iterator gives."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sdfl.errors import DataError, SourceError, shown_path
from sdfl.pictures import MAX_PIXELS, Animation, decode_picture, is_picture, read_picture
from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.sources.addresses import is_url, shown_source
from sdfl.runtime.sources.base import DEFAULT_FPS, FrameSource, to_bgr8
from sdfl.types import Frame, Image

Picture: TypeAlias = Any
"""A path, an array (H, W), (H, W, 3) BGR or (H, W, 4) BGRA of uint8 or uint16, a PIL picture, or a file's bytes."""


def to_image(picture: Picture, name: str = "image", *, max_pixels: int = MAX_PIXELS, say: Say = to_stderr) -> Image:
    """Any picture as (H, W, 3) uint8 BGR.

    Args:
        picture: see `Picture`.
        name: what messages call it.
        max_pixels: largest number of pixels of a file.
        say: is told that a file holds more than the first picture, which is read.

    Raises:
        SourceError: it cannot be read, or is something else; says what came.
    """
    if isinstance(picture, str | os.PathLike):
        if is_url(str(picture).strip()):
            raise SourceError(f"{shown_source(str(picture))}: is an address; use track, or download the picture first")
        path = Path(picture).expanduser()
        if not os.path.lexists(path):
            raise SourceError(f"{shown_source(str(picture))}: no such picture")
        if path.is_dir():
            raise SourceError(f"{picture}: is a folder; use track, or call detect for each picture in it")
        return _read(lambda: read_picture(path, max_pixels=max_pixels, say=say))
    if isinstance(picture, bytes | bytearray | memoryview):
        return _read(lambda: decode_picture(bytes(picture), name, max_pixels=max_pixels, say=say))
    if isinstance(picture, np.ndarray):
        return to_bgr8(picture, name)
    if is_pil(picture):
        if picture.mode.startswith(("I", "F")):  # PIL would cut these off at 255
            return to_bgr8(np.asarray(picture), name)
        return to_bgr8(np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1]), name)
    if picture is None:
        raise SourceError(f"{name} is None; cv2.imread returns None where it cannot read a file: does the file exist?")
    advice = "; np.asarray(image, np.uint8) makes an array" if hasattr(picture, "__array__") else ""
    if isinstance(picture, list | tuple):
        advice = "; use track for a list of pictures, or call detect for each"
    raise SourceError(
        f"{name} must be a path, an array (H, W, 3) of uint8, a PIL picture or the bytes of a picture file, got "
        f"{type(picture).__name__}{advice}"
    )


def _read(read: Callable[[], Image]) -> Image:
    try:
        return read()
    except DataError as error:
        raise SourceError(str(error)) from error


def is_pil(picture: object) -> bool:
    """Whether this is a picture of PIL, which need not be installed."""
    return hasattr(picture, "convert") and hasattr(picture, "mode")


class PictureSource(FrameSource):
    """Pictures that have nothing to do with each other. Grey and 16-bit pictures become 8-bit BGR.

    Args:
        path: of a picture, of a folder whose pictures are taken in the order of their names (2 before 10), or of
            several pictures.
        max_pixels: largest number of pixels of a picture.
        say: is told which pictures of several cannot be read, and which hold more than the first one.

    Raises:
        SourceError: there is no such picture, or none in the folder; while iterating, that a single picture cannot be
            read, or after the last of several, how many could not.
    """

    stills = True
    fps = 1.0

    def __init__(self, path: Path | Sequence[Path], *, max_pixels: int = MAX_PIXELS, say: Say = to_stderr) -> None:
        single = isinstance(path, Path) and not path.is_dir()
        self.name = str(path) if isinstance(path, Path) else f"{len(path)} pictures"
        self.paths = list(path) if not isinstance(path, Path) else [path] if single else _pictures_in(path)
        self.num_frames = len(self.paths)
        self.loops = single  # a single picture stays in view
        self._max_pixels, self._say = max_pixels, say
        if not self.paths:
            raise SourceError(f"{path}: holds no pictures")
        missing = next((each for each in self.paths if not os.path.lexists(each)), None)
        if missing is not None:
            raise SourceError(f"{shown_source(str(missing))}: no such picture")

    def __iter__(self) -> Iterator[Frame]:
        damaged = 0
        for index, path in enumerate(self.paths):
            try:
                image = to_image(path, max_pixels=self._max_pixels, say=self._say)
            except SourceError as error:
                if self.loops:
                    raise
                self._say(f"{error}; skipped")
                damaged += 1
            else:
                yield Frame(image, index, index / self.fps, path)
        if damaged:
            raise SourceError(
                f"{self.name}: {damaged} of {len(self.paths)} pictures could not be read; the others were used"
            )


class AnimationSource(FrameSource):
    """Every frame of an animated GIF, PNG, WebP or AVIF, at its time.

    Args:
        path: of the file.
        max_pixels: largest number of pixels of a frame.

    Raises:
        SourceError: it cannot be read or is too large; while iterating, after its last frame, that it is cut off.
    """

    def __init__(self, path: Path, *, max_pixels: int = MAX_PIXELS) -> None:
        self.name = str(path)
        try:
            self._animation = Animation(path, max_pixels=max_pixels)
        except DataError as error:
            raise SourceError(str(error)) from error
        self.num_frames, self.fps = self._animation.num_frames, self._animation.fps

    def __iter__(self) -> Iterator[Frame]:
        try:
            for index, (image, timestamp_s) in enumerate(self._animation):
                yield Frame(image, index, timestamp_s)
        except DataError as error:
            raise SourceError(str(error)) from error


class MemorySource(FrameSource):
    """A clip that is in memory already.

    Args:
        images: pictures of one video (see `Picture`), or `Frame`s with numbers and times of their own.
        fps: rate of the pictures.
        name: what messages call the clip.
    """

    def __init__(self, images: Sequence[Picture | Frame], *, fps: float = DEFAULT_FPS, name: str = "memory") -> None:
        self.name, self.fps, self._images = name, fps, images
        self.num_frames = len(images)

    def __iter__(self) -> Iterator[Frame]:
        return _frames(self._images, self.fps, self.name)


class IteratorSource(FrameSource):
    """Whatever an iterator gives, once.

    Args:
        images: gives pictures of one video (see `Picture`), or `Frame`s with numbers and times of their own.
        fps: rate of the pictures.
        name: what messages call it.
    """

    def __init__(self, images: Iterable[Picture | Frame], *, fps: float = DEFAULT_FPS, name: str = "iterator") -> None:
        self.name, self.fps, self._images = name, fps, images

    def __iter__(self) -> Iterator[Frame]:
        return _frames(self._images, self.fps, self.name)


def _frames(images: Iterable[Picture | Frame], fps: float, name: str) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield image if isinstance(image, Frame) else Frame(to_image(image, f"{name}[{index}]"), index, index / fps)


def _pictures_in(folder: Path) -> list[Path]:
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{shown_path(folder)}: cannot be read ({error.strerror})") from error
    return sorted(filter(is_picture, visible), key=_natural)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """A key that sorts names as people do: by the value of the numbers in them, and without regard to case."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name)
    return [
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part.casefold()) for part in parts
    ], path.name
