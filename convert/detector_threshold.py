"""The score from which on the face detector calls something a face, chosen on validation pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdfl.datasets.faceless import faceless_crops, faceless_split
from sdfl.detector_evaluation import false_scores, labelled_scores, lowest_threshold, share_above
from sdfl.runtime.detector.network import NetworkDetector

FALSE_SHARE = 0.01  # of the validation crops; half of the 2 % that are allowed, because the test crops are others
LOWEST_SCORE = 0.02  # what the detector is asked for, below any threshold
Progress = Callable[[str], Callable[[Iterable[Any]], Iterable[Any]]]


def no_progress(title: str) -> Callable[[Iterable[Any]], Iterable[Any]]:  # noqa: ARG001
    """Show nothing."""
    return lambda steps: steps


@dataclass(frozen=True)
class ThresholdChoice:
    """A chosen threshold.

    Attributes:
        threshold: a score, 0..1.
        recall: share of the labelled validation faces that are found at it.
    """

    threshold: float
    recall: float

    @property
    def protocol(self) -> str:
        """How it was chosen, in words; a detector's file states it."""
        return (
            f"lowest with a detection in at most {FALSE_SHARE:.0%} of 500 crops without a face of HELEN's held-out "
            f"fifth; recall there {self.recall:.1%}"
        )


def choose_threshold(model: Path, data: Path, progress: Progress = no_progress) -> ThresholdChoice:
    """Choose the lowest threshold with few false detections.

    Args:
        model: a detector's .onnx file.
        data: folder that holds 300w/helen.
        progress: title -> what wraps the pictures, for progress bars.

    Returns:
        The lowest threshold, in hundredths, at which at most FALSE_SHARE of the validation crops without a face hold a
        detection.

    Raises:
        ArtifactError: the model cannot be loaded.
        DataError: pictures are missing.
    """
    detector = NetworkDetector(model, threshold=LOWEST_SCORE)
    false = false_scores(detector, faceless_crops(data, "validation"), progress("crops without a face"))
    threshold = lowest_threshold(false, FALSE_SHARE)
    found = labelled_scores(detector, faceless_split(data, "validation"), progress("labelled faces"))
    return ThresholdChoice(threshold, share_above(found, threshold))
