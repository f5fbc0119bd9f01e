"""What follows faces through sources: how it is called, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from sdfl.artifacts.landmark_spec import ModelSpec
from sdfl.runtime.sources import FrameSource
from sdfl.runtime.sources.many import Round
from sdfl.types import Face, Frame

Update = Callable[[Frame], list[Face]]
UpdateMany = Callable[[Round], list[list[Face]]]


class Follower(Protocol):
    """What follows the faces of a source: a `FaceLandmarker`, or a `Switchboard` that changes it on the way."""

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself."""
        ...

    def follow(self, source: FrameSource) -> Update:
        """The function to call with each frame of `source` in order; it gives the faces in the frame."""
        ...


class TrackedFrame(NamedTuple):
    """A frame of one of several sources.

    Attributes:
        number: of the source, from 0, in the order in which they were given.
        source: its name.
        frame: the frame.
        faces: in it; their ids are those of the source.
    """

    number: int
    source: str
    frame: Frame
    faces: list[Face]
