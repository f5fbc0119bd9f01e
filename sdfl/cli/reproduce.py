"""sdfl reproduce: the paper's tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdfl.cli.options import Accelerator, Assignments, DeviceCount, Strategy
from sdfl.errors import MissingDependency


def reproduce(
    target: Annotated[str, typer.Argument(help="table1 ... table7, fig2, fig4, fig6, fig8 or fig9.")],
    data: Annotated[Path, typer.Option("--data", help="Folder that holds the datasets.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, tables and figures.")] = Path("runs/reproduce"),
    reduced: Annotated[
        bool, typer.Option("--reduced", help="A short form on part of 300W, where there is one.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each cell, with seeds 0, 1, ...")] = 1,
    checkpoint: Annotated[list[Path] | None, typer.Option(help="Trained networks for fig2 and fig9.")] = None,
    assignments: Assignments = None,
    accelerator: Accelerator = "auto",
    devices: DeviceCount = "auto",
    strategy: Strategy = "auto",
) -> None:
    """Run or resume all cells of one table or figure of the paper, and write it beside the paper's figures."""
    try:
        from sdfl.train.loop import Devices
        from sdfl.train.reproduce import reproduce as run
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    paths = run(
        target, data, out, reduced=reduced, seeds=seeds, overrides=assignments or (), checkpoints=checkpoint or (),
        devices=Devices(accelerator, devices, strategy), say=lambda line: typer.echo(line, err=True),
    )  # fmt: skip
    for path in paths:
        typer.echo(str(path))
