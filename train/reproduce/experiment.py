"""What one table or figure of the paper consists of: cells to train, where to test them, what the paper says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdfl.errors import ConfigError


@dataclass(frozen=True)
class Cell:
    """One training of a table.

    Attributes:
        name: of its row.
        overrides: `section.key=value` on the experiment's recipe.
        paper: "<test set>.<metric>" -> the paper's figure, where it has one.
        recipe: in place of the experiment's.
        tests: in place of the experiment's.
    """

    name: str
    overrides: tuple[str, ...] = ()
    paper: Mapping[str, float] = field(default_factory=dict)
    recipe: str = ""
    tests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper.

    Attributes:
        name: as on the command line.
        title: stands above the table.
        recipe: the name of a shipped one.
        cells: the trainings.
        columns: "<test set>.<metric>" with a metric of `sdfl.train.reproduce.evaluation_sets.METRICS`.
        tests: names of test sets of `sdfl.train.reproduce.evaluation_sets`.
        needs: what a user has to put below --data.

    Raises:
        ConfigError: two cells have the same name.
    """

    name: str
    title: str
    recipe: str
    cells: tuple[Cell, ...]
    columns: tuple[str, ...]
    tests: tuple[str, ...]
    needs: str = ""

    def __post_init__(self) -> None:
        names = [cell.name for cell in self.cells]
        if len(set(names)) != len(names):
            raise ConfigError(f"{self.name}: two cells have the same name")

    def recipe_of(self, cell: Cell) -> str:
        """The name of a cell's recipe."""
        return cell.recipe or self.recipe

    def tests_of(self, cell: Cell) -> tuple[str, ...]:
        """The names of a cell's test sets."""
        return cell.tests or self.tests


FC = ("model.head='fc'",)
L1 = ("loss.absolute='l1'",)
WING = ("loss.absolute='wing'",)
NO_RELATIVE = ("loss.relative=0.0",)
BINARY = ("model.adjacency='binary'",)
