"""sdfl data: labelled pictures on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sdfl.errors import DataError, MissingDependency


def data_check(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Root folder of a dataset, or a folder that holds several datasets."),
    ],
    sheet: Annotated[Path | None, typer.Option(help="Also draw a contact sheet of faces, a .png file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List the labelled pictures of a folder, and what is missing of the published datasets."""
    from sdfl.datasets.check import check, contact_sheet

    result = check(folder)
    if as_json:
        typer.echo(json.dumps([vars(part) | {"complete": part.complete} for part in result.parts]))
    else:
        width = max(len(part.name) for part in result.parts)
        for part in result.parts:
            official = "" if part.official is None else f" of {part.official}"
            note = part.problem or part.note or ("" if part.complete else "incomplete")
            typer.echo(f"{part.name:{width}}  {part.found}{official}  {note}".rstrip())
    if sheet:
        contact_sheet(result.samples, sheet)


def data_label(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of pictures whose .pts files say where the faces are.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The list to write, a .txt file for `data.train` of a recipe.")
    ],
    teacher: Annotated[
        str | None, typer.Option(help="Name or .onnx file of the model that labels. Default: small.")
    ] = None,
) -> None:
    """Label pictures with a model that sees many views of each; pictures on which the views disagree are left out."""
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
