"""One followed face between two frames: where it was, how fast it moved, where it will be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sdfl.core import FloatArray, Landmarks
from sdfl.geometry import landmark_box

VELOCITY_MEMORY_S = 0.06  # a measured velocity counts for 1 - exp(-dt / this) of the new one
MAX_COAST_S = 0.6  # an unseen face is expected to go on for so long, then to stand
DEFAULT_STEP_S = 1 / 30  # between frames whose timestamps do not advance


@dataclass(frozen=True, eq=False)
class Track:
    """landmarks: as the network saw them last, never smoothed. velocity_px_s: (2,) of the middle of their box.

    seen_s: when that was. age_frames: since it was found. hidden: not seen in the last frame.
    """

    id: int
    landmarks: Landmarks
    seen_s: float
    presence: float
    velocity_px_s: FloatArray = field(default_factory=lambda: np.zeros(2, np.float32))
    age_frames: int = 0
    hidden: bool = False

    @property
    def box(self) -> FloatArray:
        """(4,) xyxy px, when it was seen last."""
        return landmark_box(self.landmarks.points)

    def shift(self, now_s: float) -> FloatArray:
        """(2,) px that the face is expected to have moved since."""
        return np.asarray(self.velocity_px_s * min(_step(self.seen_s, now_s), MAX_COAST_S), np.float32)

    def predicted(self, now_s: float) -> Landmarks:
        """Where its points should be at `now_s`: at constant velocity."""
        return Landmarks(self.landmarks.points + self.shift(now_s), self.landmarks.layout)

    def seen(self, landmarks: Landmarks, presence: float, now_s: float, *, contested: bool) -> Track:
        """The track after it was seen again. contested: another face is so near that its motion cannot be trusted."""
        velocity = self.velocity_px_s
        if not contested:
            step_s = _step(self.seen_s, now_s)
            moved = middle(landmark_box(landmarks.points)) - middle(self.box)
            share = 1.0 if self.hidden else float(-np.expm1(-step_s / VELOCITY_MEMORY_S))
            velocity = velocity + share * (moved / step_s - velocity)
        return Track(self.id, landmarks, now_s, presence, np.asarray(velocity, np.float32), self.age_frames + 1)

    def unseen(self) -> Track:
        """The track after a frame without its face."""
        return replace(self, hidden=True, age_frames=self.age_frames + 1)


def middle(box: FloatArray) -> FloatArray:
    """Centre (2,) of a (4,) xyxy box."""
    return (box[:2] + box[2:]) / 2


def _step(before_s: float, now_s: float) -> float:
    return now_s - before_s if now_s > before_s else DEFAULT_STEP_S
