"""What came of many trials: one row each, one table for all subjects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

CLEAN, REFUSED = "clean", "refused"  # an SdflError in one line that names the file
TRACEBACK, UNCLEAR, SIGNAL, HANG, WRONG = "traceback", "unclear", "signal", "hang", "wrong"
OUTCOMES = (CLEAN, REFUSED, UNCLEAR, TRACEBACK, SIGNAL, HANG, WRONG)
FINE = (CLEAN, REFUSED)


@dataclass
class Row:
    """The outcomes of one thing that was tried.

    Attributes:
        name: of what was tried.
        outcomes: how often each of OUTCOMES came.
        failures: (number of the case, outcome, in words) of those that are not FINE.
    """

    name: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, case: int, outcome: str, words: str) -> None:
        """Count a trial."""
        self.outcomes[outcome] += 1
        if outcome not in FINE:
            self.failures.append((case, outcome, words))

    def __str__(self) -> str:
        """Every failure on a line of its own, for the message of a test."""
        return "\n".join(f"{self.name} case {case}: {outcome}: {words}" for case, outcome, words in self.failures)


def table(rows: Iterable[Row]) -> str:
    """All rows with one column for each outcome."""
    rows = list(rows)
    width = max(len(row.name) for row in rows)
    lines = [" ".join([" " * width, *(f"{outcome:>9}" for outcome in OUTCOMES)])]
    lines += [" ".join([f"{row.name:{width}}", *(f"{row.outcomes[each]:9}" for each in OUTCOMES)]) for row in rows]
    return "\n".join(lines)
