"""A detector for tests."""

from __future__ import annotations

from collections.abc import Sequence

from sdfl.types import Box, Image


class FakeDetector:
    """A `Detector` that always finds the same boxes.

    Args:
        boxes: what it finds.

    Attributes:
        boxes: a list of its own, which may be changed.
        calls: how often `detect` was called.
    """

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = list(boxes)
        self.calls = 0

    def detect(self, image: Image) -> list[Box]:  # noqa: ARG002  the answer does not depend on it
        """`boxes`, whatever is in the picture (H, W, 3)."""
        self.calls += 1
        return list(self.boxes)
