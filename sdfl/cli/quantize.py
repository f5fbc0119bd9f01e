"""sdfl quantize: an int8 checkpoint without training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.artifacts.names import CHECKPOINT, has_suffix
from sdfl.cli.progress import progress
from sdfl.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    from sdfl.convert.sensitivity import Sensitivity

ROW = "{:44} {:10} {:>9} {:>9} {:>9}  {}"


def quantize(
    checkpoint: Annotated[Path, typer.Argument(help="Float checkpoint that sdfl train wrote.")],
    data: Annotated[
        Path, typer.Option("--data", help="Folder of pictures of faces to calibrate on. They need no labels.")
    ],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The int8 checkpoint to write, a .ckpt file.")] = None,
    images: Annotated[int, typer.Option(min=1, help="Number of pictures to calibrate on.")] = 256,
    float_layers: Annotated[
        list[str] | None,
        typer.Option("--float", help="Keep this layer in float. May be repeated. Default: the layers of the outputs."),
    ] = None,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Print how far int8 in each layer moves the points; write nothing.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON object: the checkpoint that was written, and the layers analyzed."),
    ] = False,
) -> None:
    """Turn a float checkpoint into an int8 one, in minutes and without labels (post-training quantization)."""
    try:
        from sdfl.convert import post_training_quantization, sensitivity
        from sdfl.model.checkpoint import read_checkpoint
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="convert") from error

    if analyze:
        rows = sensitivity.analyze(
            read_checkpoint(checkpoint),
            data,
            images=images,
            float_layers=float_layers or (),
            progress=progress("analyzing"),
        )
        _print(rows, as_json=as_json)
        return
    if out is None or not has_suffix(out, CHECKPOINT):
        raise ConfigError(f"--out must name the {CHECKPOINT} file to write")
    post_training_quantization.quantize(
        read_checkpoint(checkpoint),
        data,
        out,
        images=images,
        float_layers=float_layers,
        progress=progress("calibrating"),
    )
    if as_json:
        _print_json(str(out), [])
    else:
        typer.echo(f"{out}: quantized; next: sdfl export {out} -o model_int8.onnx")


def _print_json(written: str | None, layers: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps({"checkpoint": written, "layers": layers}))


def _print(rows: list[Sensitivity], *, as_json: bool) -> None:
    if as_json:
        _print_json(None, [vars(row) for row in rows])
        return
    typer.echo("points moved by int8 in one layer at a time, % of the inter-ocular distance; presence, of 0..1")
    typer.echo(ROW.format("layer", "rounded", "mean", "largest", "presence", ""))
    for row in rows:
        figures = (f"{row.mean_percent:.4f}", f"{row.largest_percent:.3f}", f"{row.presence:.4f}")
        typer.echo(ROW.format(row.layer, row.rounded, *figures, "kept in float" if row.kept_float else "").rstrip())
