"""sdfl verify: compare a model file between runtimes, or an artifact with its source."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdfl.errors import ArtifactError, MissingDependency

if TYPE_CHECKING:
    from sdfl.convert.compare.runtimes import Difference


Data = Annotated[Path | None, typer.Option("--data", help="Labelled pictures to check on; default: generated crops.")]


def verify(
    model: Annotated[Path, typer.Argument(help="An .onnx file, or what `sdfl build` wrote.")],
    checkpoint: Annotated[Path | None, typer.Option(help="Compare with torch, too.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="The .onnx file that an engine or IR was built from: the truth.")
    ] = None,
    data: Data = None,
    worst: Annotated[Path | None, typer.Option(help="With --against: folder to draw the worst crops in.")] = None,
    quant: Annotated[bool, typer.Option("--quant", help="Check instead that an int8 file is int8 everywhere.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Compare a model file between runtimes, or an artifact with its source; exit code 1 where they differ."""
    if quant:
        _lint(model, as_json=as_json)
        return
    if against is not None:
        _check_artifact(model, against, data, worst, as_json=as_json)
        return
    if model.suffix in (".engine", ".xml"):
        raise ArtifactError(f"{model}: is compared with its source; name that: --against model.onnx")
    from sdfl.convert.compare import runtimes as checks

    report_differences(checks.verify(model, checkpoint=checkpoint, data=data), model, as_json=as_json)


def _check_artifact(artifact: Path, against: Path, data: Path | None, worst: Path | None, *, as_json: bool) -> None:
    from rich.console import Console
    from rich.progress import track

    from sdfl.convert.compare.artifact import check, draw_worst

    def progress(steps: Iterable[int]) -> Iterable[int]:
        return track(list(steps), description=artifact.name, console=Console(stderr=True), transient=True)

    checked = check(artifact, against, data=data, progress=progress)
    result = checked.comparison
    if as_json:
        typer.echo(json.dumps(result.to_table()))
    else:
        typer.echo(
            f"{artifact}: mean {result.mean_px:.4f}, p99 {result.p99_px:.4f}, max {result.max_px:.4f} px of a 256 px "
            f"crop on {result.crops} crops (limit: {result.limits.statistic} {result.limits.points_px} px), "
            f"presence {result.presence:.1e}, log_scale {result.log_scale:.1e}"
        )
        if result.nme_percent is not None:
            typer.echo(f"NME {result.nme_percent:.3f} %, of the source {result.reference_nme_percent:.3f} %")
    for path in draw_worst(checked, worst) if worst else ():
        typer.echo(str(path), err=as_json)
    if result.passed:
        return
    try:
        from sdfl.convert.bisect import layer_of, search
    except ModuleNotFoundError as error:
        raise ArtifactError(
            f"{artifact}: differs from {against} by more than the limit; pip install onnx to have the layer looked for"
        ) from error
    crop = checked.crops[checked.worst_first()[:1]]
    tensor = search(artifact, checked.passport, against, crop, lambda line: typer.echo(line, err=True))
    where = f"first in {layer_of(against, tensor)}" if tensor else "in no single layer, so in how layers are fused"
    raise ArtifactError(f"{artifact}: differs from {against} by more than the limit, {where}; do not ship this file")


def _lint(model: Path, *, as_json: bool) -> None:
    try:
        from sdfl.convert.lint import lint
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error

    faults = lint(model)
    if as_json:
        typer.echo(json.dumps([vars(fault) for fault in faults]))
    for fault in () if as_json else faults:
        typer.echo(str(fault))
    if faults:
        raise ArtifactError(f"{model}: {len(faults)} faults of quantization; do not ship this file")
    if not as_json:
        typer.echo(f"{model}: int8 in every layer that should be")


def report_differences(differences: list[Difference], model: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([vars(difference) | {"passed": difference.passed} for difference in differences]))
    for difference in () if as_json else differences:
        typer.echo(
            f"{model}: {difference.runtime} differs by {difference.points_px:.5f} px of a 256 px crop "
            f"(limit {difference.limit_px} px), presence {difference.presence:.1e}"
        )
    if not all(difference.passed for difference in differences):
        raise ArtifactError(f"{model}: runtimes disagree by more than the limit; do not ship this file")
