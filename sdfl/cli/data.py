"""sdfl data: labelled pictures on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sdfl.errors import DataError, MissingDependency


def data_check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset's root, or a folder that holds several.")],
    sheet: Annotated[Path | None, typer.Option(help="Also draw a contact sheet, a .png.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """What labelled pictures are there, and what is missing against the official counts."""
    from sdfl.datasets.check import check, contact_sheet

    result = check(folder)
    if as_json:
        typer.echo(json.dumps([vars(finding) | {"complete": finding.complete} for finding in result.findings]))
    else:
        width = max(len(finding.name) for finding in result.findings)
        for finding in result.findings:
            official = "" if finding.official is None else f" of {finding.official}"
            note = finding.problem or ("" if finding.complete else "incomplete")
            typer.echo(f"{finding.name:{width}}  {finding.found}{official}  {note}".rstrip())
    if sheet:
        if sheet.suffix != ".png":
            raise DataError(f"{sheet}: the contact sheet's name must end in .png")
        if not result.samples:
            raise DataError(f"{folder}: holds no labelled picture to draw")
        contact_sheet(result.samples, sheet)


def data_label(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Pictures with .pts files that say where to look.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The list to write, a .txt for `data.train` of a recipe.")],
    teacher: Annotated[str | None, typer.Option(help="Model name or .onnx file; default: small.")] = None,
) -> None:
    """Label pictures anew by a teacher's points on many views of each; what the views disagree on is left out."""
    from sdfl.cli.progress import progress
    from sdfl.datasets import find_samples
    from sdfl.runtime.backends import open_backend
    from sdfl.runtime.zoo import resolve_model

    try:
        from sdfl.train.data.pseudo_labels import write_pseudo_labels
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error
    if out.suffix != ".txt":
        raise DataError(f"{out}: the list's name must end in .txt")
    samples = find_samples(folder)
    count = write_pseudo_labels(samples, open_backend(resolve_model(teacher)), out, progress=progress("labelling"))
    typer.echo(f"{out}: {count} of {len(samples)} pictures labelled")
