"""What a network must find in drawn faces: stored in its file, and checked when a library has loaded it.

Libraries have computed garbage without an error on some processors, and nobody can tell by looking at a program. The
differences that are right come from the arithmetic, see TOLERANCE_PX.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sdfl.checks import require_within
from sdfl.errors import ArtifactError, UnusableHereError

EXACT, REDUCED, INTEGER = "f32", "bf16 or f16", "int8"  # arithmetic

# Of the 256 px crop. The largest right deviations of the shipped files, over all drawings, forms and batches of ONNX
# Runtime and OpenVINO, are 0.01, 0.34 and 1.7; what was wrong was off by 40 and more (docs/results/arm.md).
TOLERANCE_PX = {EXACT: 0.05, REDUCED: 1.0, INTEGER: 3.0}
SCORE_TOLERANCE = 0.2
NOMINAL_SIDE_PX = 256
LARGEST_PX = 10_000  # of a stated point, either way


@dataclass(frozen=True)
class Expected:
    """What a network finds in one drawing, computed without a library's optimisations.

    Attributes:
        points: x and y of each, px of the picture.
        score: 0..1, that there is a face.
    """

    points: tuple[tuple[float, float], ...]
    score: float


def check_expected(expected: Iterable[Expected], num_points: int) -> None:
    """Check what a file says about its self-test.

    Raises:
        ArtifactError: it has another number of points, or numbers that no network gives.
    """
    for each in expected:
        if len(each.points) != num_points:
            raise ArtifactError(f"self_test must expect {num_points} points")
        for number in (number for point in each.points for number in point):
            require_within("self_test.points", number, -LARGEST_PX, LARGEST_PX, ArtifactError)
        require_within("self_test.score", each.score, 0, 1, ArtifactError)


@dataclass(frozen=True)
class Deviation:
    """How far a result is from what was expected.

    Attributes:
        points_px: root mean square over the points, px of a 256 px crop; infinite where a number is not finite.
        score: absolute difference.
        slack_px: by how much more the points may be off, because the network has seen the drawing in other
            surroundings than those that its file states the points for.
    """

    points_px: float
    score: float
    slack_px: float = 0.0

    def allowed_px(self, arithmetic: str) -> float:
        """The largest right `points_px` in the given arithmetic, a key of TOLERANCE_PX."""
        return TOLERANCE_PX[arithmetic] + self.slack_px

    def within(self, arithmetic: str) -> bool:
        """Whether it is as small as it must be in the given arithmetic, a key of TOLERANCE_PX."""
        return self.points_px <= self.allowed_px(arithmetic) and self.score <= SCORE_TOLERANCE

    def __str__(self) -> str:
        return f"{self.points_px:.2g} px"


def deviation(expected: Expected, points: npt.ArrayLike, score: float, side_px: float = NOMINAL_SIDE_PX) -> Deviation:
    """Compare a result with what was expected.

    Args:
        expected: for the drawing that the network has seen.
        points: (P, 2) px of the picture.
        score: 0..1.
        side_px: of the crop.
    """
    found, wanted = np.asarray(points, np.float64), np.asarray(expected.points, np.float64)
    if found.shape != wanted.shape or not np.isfinite(found).all() or not np.isfinite(score):
        return Deviation(float("inf"), float("inf"))
    squares = np.sum((found - wanted) ** 2, axis=1)
    return Deviation(float(np.sqrt(squares.mean())) * NOMINAL_SIDE_PX / side_px, abs(float(score) - expected.score))


def require_right(deviations: Iterable[Deviation], arithmetic: str, name: str, runs_in: str) -> None:
    """Refuse a network that gives wrong results.

    Args:
        deviations: one for each drawing that was tried.
        arithmetic: a key of TOLERANCE_PX.
        name: of the file, for the error.
        runs_in: the library and form that run it, for the error.

    Raises:
        UnusableHereError: a deviation exceeds the tolerance.
    """
    for each in deviations:
        if not each.within(arithmetic):
            raise UnusableHereError(
                f"{name}: {runs_in} computes wrong points on this processor (off by {each}, allowed are "
                f"{each.allowed_px(arithmetic):g}); choose another precision or back end, `sdfl doctor` lists which "
                "work"
            )
