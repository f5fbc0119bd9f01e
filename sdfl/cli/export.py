"""sdfl export: a checkpoint as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdfl.errors import ArtifactError, MissingDependency

if TYPE_CHECKING:
    pass
from sdfl.cli.verify import Data, report_differences


def export(
    checkpoint: Annotated[Path, typer.Argument(help="What `sdfl train` wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .onnx file to write.")],
    data: Data = None,
    inline: Annotated[bool, typer.Option("--inline", help="Standard operators only, for other tools.")] = False,
    storage: Annotated[
        str, typer.Option(help="fp32, or fp16: large float weights stored as halves, computed in fp32.")
    ] = "fp32",
) -> None:
    """Write a checkpoint as ONNX and check it against torch in ONNX Runtime and OpenVINO."""
    try:
        from sdfl.convert.export.detector import export_detector
        from sdfl.convert.export.landmarks import export as write_onnx
        from sdfl.model.checkpoint import load_checkpoint
        from sdfl.model.detector.checkpoint import is_detector
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error
    from sdfl.artifacts.onnx_metadata import read_spec
    from sdfl.convert.compare import runtimes as checks

    if out.suffix != ".onnx":
        raise ArtifactError(f"{out}: the name must end in .onnx")
    if is_detector(load_checkpoint(checkpoint)):
        export_detector(checkpoint, out, storage=storage)
        typer.echo(f"{out}: exported; next: python -m sdfl.benchmarks.detector.figures --data DIR --choose {out}")
        return
    write_onnx(checkpoint, out, storage=storage, inline=inline)
    limit_px = checks.LIMIT_HALF_PX if storage == "fp16" and read_spec(out).precision == "fp32" else None
    report_differences(checks.verify(out, checkpoint=checkpoint, data=data, limit_px=limit_px), out, as_json=False)
