"""Pictures: one file, a folder of them, or arrays in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sdfl.datasets import read_image
from sdfl.datasets.pts import IMAGE_SUFFIXES
from sdfl.errors import DataError, SourceError
from sdfl.runtime.sources.base import DEFAULT_FPS, FrameSource, to_bgr8
from sdfl.types import Frame, Image


class PictureSource(FrameSource):
    """A picture, or the pictures directly in a folder sorted by name. Grey and 16-bit pictures become 8-bit BGR."""

    stills = True
    fps = 1.0

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.paths = _pictures_in(path) if path.is_dir() else [path]
        self.num_frames = len(self.paths)
        self.loops = not path.is_dir()  # a single picture stays in view
        if not self.paths:
            raise SourceError(f"{path}: holds no pictures ({', '.join(IMAGE_SUFFIXES)})")
        if not path.exists():
            raise SourceError(f"{path}: no such picture")

    def __iter__(self) -> Iterator[Frame]:
        for index, path in enumerate(self.paths):
            try:
                image = read_image(path)
            except DataError as error:
                raise SourceError(str(error)) from error
            yield Frame(image, index, index / self.fps)


class MemorySource(FrameSource):
    """Pictures that are in memory already, for tests and for video that another program decodes."""

    def __init__(self, images: Sequence[Image], *, fps: float = DEFAULT_FPS, name: str = "memory") -> None:
        self.name, self.fps, self._images = name, fps, images
        self.num_frames = len(images)

    def __iter__(self) -> Iterator[Frame]:
        for index, image in enumerate(self._images):
            yield Frame(to_bgr8(image, self.name), index, index / self.fps)


def _pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
