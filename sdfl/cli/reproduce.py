"""sdfl reproduce: the paper's tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sdfl.cli.options import Accelerator, Assignments, DeviceCount, Strategy
from sdfl.errors import MissingDependency

Target = Literal[
    "table1", "table2", "table3", "table4", "table5", "table6", "table7", "fig2", "fig4", "fig6", "fig8", "fig9"
]  # those of sdfl.train.reproduce.TARGETS, which needs torch


def reproduce(
    target: Annotated[Target, typer.Argument(help="Table or figure of the paper.")],
    data: Annotated[Path, typer.Option("--data", help="Folder that holds the datasets.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, tables and figures.")] = Path("runs/reproduce"),
    reduced: Annotated[
        bool, typer.Option("--reduced", help="Take a short form on a part of 300W; some targets have one.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Number of trainings of each cell, with seeds 0, 1, ...")] = 1,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="Trained network for fig2 and fig9. May be repeated.")
    ] = None,
    assignments: Assignments = None,
    accelerator: Accelerator = "auto",
    devices: DeviceCount = "auto",
    strategy: Strategy = "auto",
) -> None:
    """Train and measure what one table or figure of the paper shows, and write it beside the paper's own values.

    What was stopped is continued, and what is done is not done again.
    """
    try:
        from sdfl.train.devices import Devices
        from sdfl.train.reproduce import reproduce as run
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    paths = run(
        target, data, out, reduced=reduced, seeds=seeds, overrides=assignments or (), checkpoints=checkpoint or (),
        devices=Devices(accelerator, devices, strategy), say=lambda line: typer.echo(line, err=True),
    )  # fmt: skip
    for path in paths:
        typer.echo(str(path))
