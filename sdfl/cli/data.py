"""Verbs for those who study the method: data check, reproduce, zoo show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sdfl.cli.options import Accelerator, Assignments, DeviceCount, Strategy
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


def zoo_show(
    model: Annotated[str, typer.Argument(help="A zoo name, .onnx or .ckpt file, recipe, or backbone.")],
    input_size: Annotated[int | None, typer.Option(help="Crop px, for a backbone; default 256.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What a model is, and its parameters and multiply-adds with and without head."""
    facts = _file_facts(model) if _is_file(model) else _network_facts(model, input_size or 256)
    typer.echo(json.dumps(facts) if as_json else "\n".join(f"{key:24} {value}" for key, value in facts.items()))


def _is_file(model: str) -> bool:
    from sdfl.runtime.zoo import zoo_models

    return model in zoo_models() or model.endswith(".onnx")


def _file_facts(model: str) -> dict[str, Any]:
    """The metadata of an ONNX file and what its graph costs."""
    from sdfl.artifacts.onnx_metadata import read_spec
    from sdfl.convert.graph_cost import file_cost
    from sdfl.runtime.zoo import resolve_model

    path = resolve_model(model)
    spec = read_spec(path)
    megabytes = round(path.stat().st_size / 1e6, 2)
    return {"file": str(path), "megabytes": megabytes, **vars(spec), **file_cost(path, spec.input_size)}


def _network_facts(model: str, input_size: int) -> dict[str, Any]:
    try:
        from sdfl.model.checkpoint import network_from_checkpoint
        from sdfl.model.complexity import network_cost
        from sdfl.model.landmarks.network import ModelConfig, Network
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error
    from sdfl.model.backbones import BACKBONES, PREFIX

    if model.endswith(".ckpt"):
        network = network_from_checkpoint(Path(model))[0]
    elif model in BACKBONES or model.startswith(PREFIX):
        network = Network(ModelConfig(layout="wflw98", backbone=model, input_size=input_size))
    else:
        network = Network(_recipe_model(model))
    facts: dict[str, Any] = dict(vars(network.config))
    for part, cost in network_cost(network).items():
        facts[f"{part}_parameters"] = cost.parameters
        facts[f"{part}_multiply_adds"] = cost.multiply_adds
    return facts


def _recipe_model(name: str) -> Any:
    from sdfl.train.recipe import find_recipe, load_recipe

    return load_recipe(find_recipe(Path(name))).model
