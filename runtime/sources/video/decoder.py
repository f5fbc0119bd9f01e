"""What both libraries that decode video give: pictures as a player shows them, with their times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from sdfl.types import Image


class DecodedFrame(NamedTuple):
    """A picture of a video.

    Attributes:
        image: (H, W, 3) uint8 BGR with square pixels, upright.
        time_s: as the file has it, None where it has none.
    """

    image: Image
    time_s: float | None


class VideoDecoder(ABC):
    """An opened video.

    Attributes:
        library: that decodes it.
        size: (width, height) of the stored frames in px, (0, 0) where only the frames tell.
        fps: nominal rate.
        num_frames: about how many frames there are, None where that is not known.
        endless: whether it has no length, as a camera on the network.
        still: whether it is a single picture.
        lost: number of frames so far that were damaged and left out.
        ends_damaged: whether the last frame that was read is one of them.
    """

    library: str
    fps: float
    size: tuple[int, int] = (0, 0)
    num_frames: int | None = None
    endless: bool = False
    still: bool = False
    lost: int = 0
    ends_damaged: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[DecodedFrame]:
        """The frames, once, in the order in which they are shown.

        Raises:
            OSError: reading fails in the middle.
        """

    @abstractmethod
    def close(self) -> None:
        """Release what the decoder holds. May be called twice."""
