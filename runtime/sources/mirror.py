"""A source whose frames are mirrored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from sdfl.runtime.sources.base import FrameSource
from sdfl.types import Frame


class MirrorSource(FrameSource):
    """A source with left and right swapped, so that everything that is found, shown and saved is mirrored too.

    Args:
        source: of the frames; closed together with this one.
    """

    def __init__(self, source: FrameSource) -> None:
        self.name, self.fps, self.num_frames = source.name, source.fps, source.num_frames
        self.live, self.stills, self.loops = source.live, source.stills, source.loops
        self._source = source

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield replace(frame, image=np.asarray(cv2.flip(frame.image, 1), np.uint8))

    def close(self) -> None:
        """Release what the source holds."""
        self._source.close()
