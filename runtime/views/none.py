"""No view, so that tracking runs as fast as it can."""

from __future__ import annotations

from sdfl.runtime.notices import Say, to_stderr
from sdfl.runtime.views.base import FrameStats
from sdfl.types import Image


class NoView:
    """A `View` that shows nothing.

    Args:
        say: is told nothing.

    Attributes:
        shown: the figures of the last frame, None before the first.
    """

    watched = False

    def __init__(self, *, say: Say = to_stderr) -> None:  # noqa: ARG002  there is nothing to say
        self.shown: FrameStats | None = None

    def show(self, image: Image, stats: FrameStats) -> bool:  # noqa: ARG002
        """Keep the figures; never ends the run."""
        self.shown = stats
        return True

    def close(self) -> None:
        """Nothing to close."""
