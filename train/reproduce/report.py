"""Finished runs as Markdown and CSV, beside the paper's figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdfl.files import atomic_path
from sdfl.train.reproduce.evaluation_sets import METRICS
from sdfl.train.reproduce.experiment import Experiment
from sdfl.train.reproduce.run import Run

WIDEST = 2  # test sets that stand side by side in one row


def label(column: str) -> str:
    """A column's heading: "wflw:test/pose.nme" -> "wflw:test/pose NME (%)"."""
    where, _, metric = column.rpartition(".")
    return f"{where} {METRICS[metric]}"


def _values(runs: Sequence[Run], cell: str, column: str) -> list[float]:
    return [run.scores[column] for run in runs if run.cell == cell and column in run.scores]


def _entry(values: Sequence[float]) -> str:
    """Mean, with the standard deviation over seeds where there are several."""
    if not values:
        return "-"
    digits = 2 if max(map(abs, values)) >= 1 or (len(set(values)) == 1 and values[0] == 0) else 4
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def markdown(experiment: Experiment, runs: Sequence[Run]) -> str:
    """A table in Markdown.

    Args:
        experiment: what was run.
        runs: finished ones.

    Returns:
        One row for each cell, or for each test set of a cell where there are more than WIDEST test sets; beside each
        column the paper's figures, where the paper has them.
    """
    titles, rows = _rows(experiment)
    quoted = {column for cell in experiment.cells for column in cell.paper}
    beside = [any(column in quoted for column in same) for same in zip(*rows.values(), strict=True)]
    head = ["cell", "seeds", *(["test set"] if len(rows) > 1 else [])]
    for title, has_paper in zip(titles, beside, strict=True):
        head += [title, "paper"] if has_paper else [title]
    lines = [f"### {experiment.title}", "", _row(head), _row(["---"] * len(head))]
    for cell in experiment.cells:
        seeds = {run.seed for run in runs if run.cell == cell.name}
        for where, columns in rows.items():
            entries = [cell.name, str(len(seeds)), *([where] if len(rows) > 1 else [])]
            for column, has_paper in zip(columns, beside, strict=True):
                entries.append(_entry(_values(runs, cell.name, column)))
                if has_paper:
                    entries.append(f"{cell.paper[column]:g}" if column in cell.paper else "-")
            lines.append(_row(entries))
    return "\n".join([*lines, ""])


def _rows(experiment: Experiment) -> tuple[list[str], dict[str, list[str]]]:
    """The titles of the columns, and the columns of each row of a cell by its test set; of the only one by ""."""
    tested, metrics = (dict.fromkeys(column.rpartition(".")[part] for column in experiment.columns) for part in (0, 2))
    if len(tested) <= WIDEST:
        return [label(column) for column in experiment.columns], {"": list(experiment.columns)}
    return [METRICS[each] for each in metrics], {where: [f"{where}.{each}" for each in metrics] for where in tested}


def _row(entries: Sequence[str]) -> str:
    return "| " + " | ".join(entries) + " |"


def table_csv(experiment: Experiment, runs: Sequence[Run]) -> str:
    """A table as CSV.

    Args:
        experiment: what was run.
        runs: finished ones.

    Returns:
        One line for each run and column: cell, seed, epochs, column, value, paper.
    """
    paper = {cell.name: cell.paper for cell in experiment.cells}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["cell", "seed", "epochs", "column", "value", "paper"])
    for run in runs:
        for column in experiment.columns:
            if column in run.scores:
                figure = paper.get(run.cell, {}).get(column, "")
                writer.writerow([run.cell, run.seed, run.epochs, column, run.scores[column], figure])
    return file.getvalue()


def write_report(experiment: Experiment, runs: Sequence[Run], out: Path) -> list[Path]:
    """Write the tables of an experiment.

    Args:
        experiment: what was run.
        runs: finished ones.
        out: the folder.

    Returns:
        The files.
    """
    contents = {"md": markdown(experiment, runs), "csv": table_csv(experiment, runs)}
    paths = []
    for suffix, text in contents.items():
        path = out / f"{experiment.name}.{suffix}"
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths
