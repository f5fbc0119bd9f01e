"""One followed face between two frames: where it was seen, how fast it moved, and where it should be next."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sdfl.runtime.tracking.observation import Observation
from sdfl.types import FloatArray, Landmarks

VELOCITY_MEMORY_S = 0.06  # a velocity measured over dt has the weight 1 - exp(-dt / this)
MAX_COAST_S = 0.6  # an unseen face is expected to go on for this time, and then to stand still
DEFAULT_STEP_S = 1 / 30  # between frames whose timestamps do not advance


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """A face that is known.

    Attributes:
        id: of the face.
        observation: the last one.
        seen_s: timestamp of the frame that it was made in.
        velocity_px_s: of the middle of its box, to the right and down.
        age_frames: frames since the face was found.
        hidden: whether it was not seen in the last frame.
    """

    id: int
    observation: Observation
    seen_s: float
    velocity_px_s: tuple[float, float] = (0.0, 0.0)
    age_frames: int = 0
    hidden: bool = False

    def expected(self, now_s: float) -> tuple[Landmarks, FloatArray]:
        """Where the face should be at the time `now_s`, if it has moved at constant velocity.

        Returns:
            Its landmarks and their (4,) xyxy box, frame px.
        """
        step_s = min(_step(self.seen_s, now_s), MAX_COAST_S)
        x, y = (speed * step_s for speed in self.velocity_px_s)
        points = self.observation.landmarks.points + np.array([x, y], np.float32)
        return Landmarks(points, self.observation.landmarks.layout), self.observation.box + np.array(
            [x, y, x, y], np.float32
        )

    def seen(self, observation: Observation, now_s: float, *, contested: bool) -> FaceTrack:
        """The track after the face was seen again.

        Args:
            observation: of the face.
            now_s: timestamp of its frame.
            contested: whether another face is so near that the motion cannot be trusted.
        """
        velocity = self.velocity_px_s
        if not contested:
            step_s = _step(self.seen_s, now_s)
            share = 1.0 if self.hidden else -math.expm1(-step_s / VELOCITY_MEMORY_S)
            old, new = self.observation.middle, observation.middle
            rate = [(b - a) / step_s for a, b in zip(old, new, strict=True)]
            velocity = (
                velocity[0] + share * (rate[0] - velocity[0]),
                velocity[1] + share * (rate[1] - velocity[1]),
            )
        return FaceTrack(self.id, observation, now_s, velocity, self.age_frames + 1)

    def unseen(self) -> FaceTrack:
        """The track after a frame in which the face was not seen."""
        return replace(self, hidden=True, age_frames=self.age_frames + 1)


def _step(before_s: float, now_s: float) -> float:
    return now_s - before_s if now_s > before_s else DEFAULT_STEP_S
