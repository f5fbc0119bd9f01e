"""sdfl data: labelled pictures on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sdfl.cli.options import DetectorChoice
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
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of pictures of faces.")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="The list to write, a .txt file for `data.train` of a recipe.")
    ],
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Name or .onnx file of the model that labels. May be repeated. Default: small."),
    ] = None,
    detector: DetectorChoice = None,
) -> None:
    """Label pictures with models that see many views of each; pictures on which the views disagree are left out.

    The .pts files beside the pictures say where the faces are. Where there are none, or with --detector, the face
    detector says it.
    """
    from sdfl.cli.progress import progress
    from sdfl.datasets import find_pictures, find_samples, holds_points
    from sdfl.runtime.backends import open_backend
    from sdfl.runtime.detector import open_detector
    from sdfl.runtime.zoo import resolve_model

    try:
        from sdfl.train.data.pseudo_labels import detected_faces, labelled_faces, write_pseudo_labels
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error
    if out.suffix != ".txt":
        raise DataError(f"{out}: the list's name must end in .txt")
    pictures = find_pictures(folder)
    if detector is None and holds_points(folder):
        faces = labelled_faces(find_samples(folder))
    else:
        faces = detected_faces(pictures, open_detector(detector), progress("faces"))
    names: list[str | None] = [*teacher] if teacher else [None]
    teachers = [open_backend(resolve_model(name)) for name in names]
    count = write_pseudo_labels(faces, teachers, out, progress=progress("labelling"))
    typer.echo(f"{out}: {count} of {len(pictures)} pictures labelled")
