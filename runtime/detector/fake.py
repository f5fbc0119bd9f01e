"""A detector for tests."""

from __future__ import annotations

from collections.abc import Sequence

from sdfl.types import Box, Image


class FakeDetector:
    """A `Detector` that always answers with `boxes` and counts how often it was asked."""

    def __init__(self, boxes: Sequence[Box]) -> None:
        self.boxes = list(boxes)
        self.calls = 0

    def detect(self, image: Image) -> list[Box]:  # noqa: ARG002  the answer does not depend on it
        """Returns `boxes`."""
        self.calls += 1
        return list(self.boxes)
