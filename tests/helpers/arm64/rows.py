"""What is said about each thing that was tried, and the table of all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from arm64.on_arm import REFUSED
from sdfl.convert.compare.runtimes import LIMIT_FP16_PX, LIMIT_INT8_PX
from sdfl.geometry import REFERENCE_CROP_PX, box_iou
from sdfl.types import FloatArray

AGREES, DIFFERS, REFUSES, FAILS = "agrees", "DIFFERS", "refuses", "FAILS"
GOOD = (AGREES, REFUSES)
# Cells beside each other see the same face and score alike; which of them is best depends on the last bits.
LEAST_IOU, LIMIT_SCORE = 0.9, 0.05


@dataclass(frozen=True)
class Row:
    """One thing on one processor.

    Attributes:
        processor: name of the `Machine`.
        subject: a model, or what else was tried.
        runs_in: the library, or the part of the package.
        verdict: AGREES, DIFFERS, REFUSES or FAILS.
        largest_px: largest distance from the reference, px of a crop of 256 px; None where there is none.
        mean_px: the mean distance.
        seconds: median of one network run, None where it was not measured.
        says: the last line of a failure, or what else is worth knowing.
    """

    processor: str
    subject: str
    runs_in: str
    verdict: str
    largest_px: float | None = None
    mean_px: float | None = None
    seconds: float | None = None
    says: str = ""

    @property
    def passed(self) -> bool:
        """Whether a user gets right points, or is told that this library cannot give them."""
        return self.verdict in GOOD


def compared(
    processor: str, subject: str, runs_in: str, found: FloatArray, wanted: FloatArray, side_px: FloatArray | float, *,
    int8: bool, seconds: FloatArray | None = None,
) -> Row:  # fmt: skip
    """The row for points that came back.

    Args:
        processor: as in `Row`.
        subject: as in `Row`.
        runs_in: as in `Row`.
        found: (..., N, 2) px.
        wanted: the same points from the reference; another shape differs.
        side_px: of the crop, or of each one, as the shape of `found` has it.
        int8: whether the mean is judged, as `sdfl verify` does; else the largest distance.
        seconds: of the runs, None where they were not measured.
    """
    if found.shape != wanted.shape:
        return Row(processor, subject, runs_in, DIFFERS, says=f"shape {found.shape}, wanted {wanted.shape}")
    distances = np.linalg.norm(found - wanted, axis=-1) * REFERENCE_CROP_PX / side_px
    largest, mean = float(distances.max()), float(distances.mean())
    # Not a number is no agreement. OpenVINO computes in fp16 where the processor can.
    agrees = mean <= LIMIT_INT8_PX if int8 else largest <= LIMIT_FP16_PX
    median = None if seconds is None else float(np.median(seconds))
    return Row(processor, subject, runs_in, AGREES if agrees else DIFFERS, largest, mean, median)


def overlapping(
    processor: str, subject: str, runs_in: str, found: FloatArray, wanted: FloatArray, *, seconds: FloatArray
) -> Row:
    """The row for boxes that came back.

    Args:
        processor: as in `Row`.
        subject: as in `Row`.
        runs_in: as in `Row`.
        found: (frames, 5), the best box of each frame, xyxy px and score.
        wanted: the same from the reference.
        seconds: of the runs.
    """
    least = min(box_iou(box, other) for box, other in zip(found[:, :4], wanted[:, :4], strict=True))
    scores = float(np.abs(found[:, 4] - wanted[:, 4]).max())
    verdict = AGREES if least >= LEAST_IOU and scores <= LIMIT_SCORE else DIFFERS
    says = f"IoU at least {least:.3f}, scores differ by at most {scores:.3f}"
    return Row(processor, subject, runs_in, verdict, seconds=float(np.median(seconds)), says=says)


def failed(processor: str, subject: str, runs_in: str, returncode: int, errors: str, *, may_refuse: bool) -> Row:
    """The row for a program that did not end well.

    Args:
        processor: as in `Row`.
        subject: as in `Row`.
        runs_in: as in `Row`.
        returncode: of the program, negative after a signal.
        errors: its standard error.
        may_refuse: whether one sentence to the user is a good end.
    """
    last = (errors.strip().splitlines() or [""])[-1]
    refuses = returncode == REFUSED and may_refuse
    says = last if returncode > 0 else f"signal {-returncode}"
    return Row(processor, subject, runs_in, REFUSES if refuses else FAILS, says=says)


def table(rows: Iterable[Row]) -> str:
    """All rows as a Markdown table."""
    lines = [
        "| processor | what | runs in | largest, px | mean, px | s a run | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        numbers = " | ".join(
            "" if value is None else f"{value:.{digits}f}"
            for value, digits in ((row.largest_px, 3), (row.mean_px, 3), (row.seconds, 2))
        )
        verdict = f"{row.verdict}: {row.says}" if row.says else row.verdict
        lines.append(f"| {row.processor} | {row.subject} | {row.runs_in} | {numbers} | {verdict.replace('|', '/')} |")
    return "\n".join(lines)


def summary(rows: Iterable[Row]) -> tuple[str, int]:
    """The last line and the exit code: 1 where a row did not pass."""
    rows = list(rows)
    bad = [f"{row.subject} in {row.runs_in} on {row.processor}" for row in rows if not row.passed]
    if not rows:
        return "nothing was tried", 1
    if bad:
        return f"{len(bad)} of {len(rows)} rows did not pass: {'; '.join(bad)}", 1
    return f"all {len(rows)} rows passed", 0
