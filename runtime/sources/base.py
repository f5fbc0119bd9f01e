"""What every source is: a context manager that iterates over Frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from sdfl.errors import SourceError
from sdfl.pictures import MAX_SIDE_PX
from sdfl.types import Frame, Image

Self = TypeVar("Self", bound="FrameSource")
DEFAULT_FPS = 30.0
_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


class FrameSource(ABC):
    """A context manager that iterates over `Frame`s. To iterate again starts a finite source from its beginning.

    Attributes:
        name: what messages call it, mostly as the user wrote it.
        fps: nominal rate.
        num_frames: number of frames, None where that is not known.
        live: whether frames come by themselves. Late ones are then dropped, and their `timestamp_s` is the reading of
            `time.perf_counter` at the capture; otherwise every frame is given, and `timestamp_s` is its place in the
            clip.
        stills: whether it gives pictures that have nothing to do with each other.
        loops: whether a viewer sees it again and again.
    """

    name: str
    fps: float = DEFAULT_FPS
    num_frames: int | None = None
    live: bool = False
    stills: bool = False
    loops: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """The frames.

        Raises:
            SourceError: the source fails in the middle.
        """

    def close(self) -> None:  # noqa: B027  a source without anything to release need not say so
        """Release what the source holds. May be called twice."""

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def to_bgr8(pixels: npt.NDArray[Any], name: str) -> Image:
    """Any grey, BGR or BGRA picture of 8 or 16 bits as BGR of 8 bits.

    Args:
        pixels: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16.
        name: what errors call it.

    Returns:
        (H, W, 3) uint8 BGR.

    Raises:
        SourceError: it has another shape or type, or is empty or too large; says what came.
    """
    pixels = np.asarray(pixels)  # a driver or a `Capture` of somebody's own may give anything, such as None
    if pixels.dtype.kind == "f":
        advice = "multiply by 255 where they lie in 0..1, then .astype(np.uint8)"
        raise SourceError(f"{name}: pictures must be uint8 or uint16, got {pixels.dtype}; {advice}")
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1] if pixels.ndim else 0
    if pixels.ndim not in (2, 3) or channels not in (1, 3, 4) or pixels.dtype not in (np.uint8, np.uint16):
        raise SourceError(
            f"{name}: pictures must have shape (H, W), (H, W, 3) or (H, W, 4) and type uint8 or uint16, got shape "
            f"{pixels.shape} and type {pixels.dtype}"
        )
    if not pixels.size:
        raise SourceError(f"{name}: gives an empty picture of shape {pixels.shape}")
    height, width = pixels.shape[:2]
    if max(height, width) > MAX_SIDE_PX:
        raise SourceError(f"{name}: pictures may have at most {MAX_SIDE_PX} px a side, got {width} x {height}")
    eight = np.asarray(pixels // 257, dtype=np.uint8) if pixels.dtype == np.uint16 else pixels
    bgr = cv2.cvtColor(eight, _TO_BGR[channels]) if channels in _TO_BGR else eight
    return np.asarray(bgr, dtype=np.uint8)
