"""The verb that makes an int8 checkpoint without training: quantize."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdfl.cli.progress import progress
from sdfl.errors import ConfigError, MissingDependency

if TYPE_CHECKING:
    from sdfl.convert.sensitivity import Sensitivity

ROW = "{:44} {:10} {:>9} {:>9} {:>9}  {}"


def quantize(
    checkpoint: Annotated[Path, typer.Argument(help="An fp32 checkpoint of `sdfl train`.")],
    data: Annotated[Path, typer.Option("--data", help="Pictures of faces to calibrate on; labels are not needed.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The int8 checkpoint to write.")] = None,
    images: Annotated[int, typer.Option(min=1, help="Calibrate on so many pictures.")] = 256,
    float_layers: Annotated[
        list[str] | None, typer.Option("--float", help="Leave this layer in float; may be repeated.")
    ] = None,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Print how far each layer moves the points; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --analyze: print one JSON list.")] = False,
) -> None:
    """Post-training quantization: a checkpoint with int8 weights, in minutes and without labels."""
    try:
        from sdfl.convert import post_training_quantization as quantized
        from sdfl.convert import sensitivity
        from sdfl.convert.export.detector import FLOAT_LAYERS, quantize_detector
        from sdfl.model.checkpoint import load_checkpoint
        from sdfl.model.detector.checkpoint import is_detector
        from sdfl.model.quantize import DEFAULT_FLOAT_LAYERS
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error

    if analyze:
        rows = sensitivity.analyze(
            checkpoint, data, images=images, float_layers=float_layers or (), progress=progress("analyzing")
        )
        _print(rows, as_json=as_json)
        return
    if out is None or out.suffix != ".ckpt":
        raise ConfigError("--out must name the .ckpt file to write")
    if is_detector(load_checkpoint(checkpoint)):
        chosen = FLOAT_LAYERS if float_layers is None else tuple(float_layers)
        quantize_detector(checkpoint, data, out, images=images, float_layers=chosen, progress=progress("calibrating"))
    else:
        chosen = DEFAULT_FLOAT_LAYERS if float_layers is None else tuple(float_layers)
        quantized.quantize(checkpoint, data, out, images=images, float_layers=chosen, progress=progress("calibrating"))
    typer.echo(f"{out}: quantized; next: sdfl export {out} -o model_int8.onnx")


def _print(rows: list[Sensitivity], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([vars(row) for row in rows]))
        return
    typer.echo("points moved by int8 in one layer at a time, % of the inter-ocular distance; presence, of 0..1")
    typer.echo(ROW.format("layer", "rounded", "mean", "largest", "presence", ""))
    for row in rows:
        figures = (f"{row.mean_percent:.4f}", f"{row.largest_percent:.3f}", f"{row.presence:.4f}")
        typer.echo(ROW.format(row.layer, row.rounded, *figures, "kept in float" if row.kept_float else "").rstrip())
