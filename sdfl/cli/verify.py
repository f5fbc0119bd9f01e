"""sdfl verify: compare a model file between runtimes, or an artifact with its source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.artifacts.names import ENGINE, LITERT, OPENVINO_IR, has_suffix
from sdfl.cli.progress import progress
from sdfl.errors import ArtifactError, MissingDependency

if TYPE_CHECKING:
    from sdfl.convert.compare.artifact import Checked, Comparison
    from sdfl.convert.compare.runtimes import Difference


def verify(
    model: Annotated[
        Path, typer.Argument(help="An .onnx file, or an engine, IR or .tflite file that sdfl build wrote.")
    ],
    checkpoint: Annotated[
        Path | None, typer.Option(help="Checkpoint that the .onnx file was exported from, to compare with in torch.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="The .onnx file that the built file was made from, to compare with.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Labelled pictures to compare on. Default: generated pictures.")
    ] = None,
    worst: Annotated[
        Path | None, typer.Option(help="With --against: folder to draw the crops in that differ most.")
    ] = None,
    quant: Annotated[
        bool, typer.Option("--quant", help="Check instead that an int8 file computes in int8 in every layer.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object: model, check, passed, and a list of results."),
    ] = False,
) -> None:
    """Check that a model file computes what it should; exit code 1 where it does not."""
    if quant:
        _check_quantization(model, as_json=as_json)
    elif against is not None:
        _check_artifact(model, against, data, worst, as_json=as_json)
    else:
        _check_runtimes(model, checkpoint, data, as_json=as_json)


def _print_json(model: Path, check: str, results: Sequence[dict[str, Any]], *, passed: bool) -> None:
    typer.echo(json.dumps({"model": str(model), "check": check, "passed": passed, "results": list(results)}))


def _check_runtimes(model: Path, checkpoint: Path | None, data: Path | None, *, as_json: bool) -> None:
    if has_suffix(model, ENGINE, OPENVINO_IR, LITERT):
        raise ArtifactError(f"{model}: is compared with its source; name that: --against model.onnx")
    from sdfl.convert.compare.runtimes import verify

    read = None
    if checkpoint is not None:
        try:
            from sdfl.model.checkpoint import read_checkpoint
        except ModuleNotFoundError as error:
            raise MissingDependency(error.name or "torch", extra="convert") from error
        read = read_checkpoint(checkpoint)
    differences = verify(model, checkpoint=read, data=data)
    if not as_json:
        print_differences(model, differences)
        return
    rows = [vars(difference) | {"passed": difference.passed} for difference in differences]
    passed = all(difference.passed for difference in differences)
    _print_json(model, "runtimes", rows, passed=passed)
    if not passed:
        raise _disagreement(model)


def print_differences(model: Path, differences: Sequence[Difference]) -> None:
    """Print how far the runtimes differ, a line each.

    Args:
        model: the file that they ran.
        differences: of `sdfl.convert.compare.runtimes.verify`.

    Raises:
        ArtifactError: one of them differs by more than the limit.
    """
    for difference in differences:
        typer.echo(
            f"{model}: {difference.runtime} differs by {difference.points_px:.5f} px of a 256 px crop "
            f"(limit {difference.limit_px} px), presence {difference.presence:.1e}"
        )
    if not all(difference.passed for difference in differences):
        raise _disagreement(model)


def _disagreement(model: Path) -> ArtifactError:
    return ArtifactError(f"{model}: runtimes disagree by more than the limit; do not ship this file")


def _check_artifact(artifact: Path, against: Path, data: Path | None, worst: Path | None, *, as_json: bool) -> None:
    from sdfl.convert.compare.artifact import check, draw_worst

    checked = check(artifact, against, data=data, progress=progress(artifact.name))
    result = checked.comparison
    if as_json:
        _print_json(artifact, "source", [result.to_table()], passed=result.passed)
    else:
        _print_comparison(artifact, result)
    for path in draw_worst(checked, worst) if worst else ():
        typer.echo(str(path), err=as_json)
    if not result.passed:
        where = _first_difference(artifact, against, checked)
        raise ArtifactError(f"{artifact}: differs from {against} by more than the limit{where}")


def _print_comparison(artifact: Path, result: Comparison) -> None:
    typer.echo(
        f"{artifact}: mean {result.mean_px:.4f}, p99 {result.p99_px:.4f}, max {result.max_px:.4f} px of a 256 px "
        f"crop on {result.crops} crops (limit: {result.limits.statistic} {result.limits.points_px} px), "
        f"presence {result.presence:.1e}, log_scale {result.log_scale:.1e}"
    )
    if result.nme_percent is not None:
        typer.echo(f"NME {result.nme_percent:.3f} %, of the source {result.reference_nme_percent:.3f} %")


def _first_difference(artifact: Path, against: Path, checked: Checked) -> str:
    """Which layer computes something else first, as the end of a sentence."""
    try:
        from sdfl.convert.bisect import SEARCHED, layer_of, search
    except ModuleNotFoundError:
        return "; pip install onnx to have the layer looked for"
    if checked.passport.target not in SEARCHED:
        return "; do not ship this file"
    crop = checked.crops[checked.worst_first()[:1]]
    tensor = search(artifact, checked.passport, against, crop, lambda line: typer.echo(line, err=True))
    where = f"first in {layer_of(against, tensor)}" if tensor else "in no single layer, so in how layers are fused"
    return f", {where}; do not ship this file"


def _check_quantization(model: Path, *, as_json: bool) -> None:
    try:
        from sdfl.convert.lint import lint
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error

    faults = lint(model)
    if as_json:
        _print_json(model, "quantization", [vars(fault) for fault in faults], passed=not faults)
    for fault in () if as_json else faults:
        typer.echo(str(fault))
    if faults:
        raise ArtifactError(f"{model}: {len(faults)} faults of quantization; do not ship this file")
    if not as_json:
        typer.echo(f"{model}: int8 in every layer that should be")
