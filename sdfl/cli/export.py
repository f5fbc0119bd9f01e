"""sdfl export: a checkpoint as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sdfl.artifacts.names import ONNX, has_suffix
from sdfl.cli.progress import progress
from sdfl.cli.verify import print_differences
from sdfl.errors import ArtifactError, MissingDependency

if TYPE_CHECKING:
    from sdfl.model.checkpoint import Checkpoint

Storage = Literal["fp32", "fp16"]


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint that sdfl train or sdfl quantize wrote.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .onnx file to write.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="Landmark networks: labelled pictures to compare on. Default: generated pictures. "
            "Face detector: folder that holds 300w/helen, to choose the threshold on. Default: a provisional one.",
        ),
    ] = None,
    inline: Annotated[
        bool,
        typer.Option(
            "--inline", help="Write the graph operator as a dense product of standard operators, for other tools."
        ),
    ] = False,
    storage: Annotated[
        Storage,
        typer.Option(help="Type of large float weights in the file. The network computes in fp32 with either."),
    ] = "fp32",
) -> None:
    """Write a checkpoint as ONNX, and compare the file with torch in ONNX Runtime and OpenVINO."""
    try:
        from sdfl.model.checkpoint import read_checkpoint
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="convert") from error

    if not has_suffix(out, ONNX):
        raise ArtifactError(f"{out}: the name must end in {ONNX}")
    read = read_checkpoint(checkpoint)
    if read.is_detector:
        write_detector(read, out, data, storage)
    else:
        _export_landmarks(read, out, data, storage, inline=inline)


def _export_landmarks(checkpoint: Checkpoint, out: Path, data: Path | None, storage: Storage, *, inline: bool) -> None:
    try:
        from sdfl.convert.export.landmarks import export as write_onnx
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error
    from sdfl.convert.compare.runtimes import verify

    write_onnx(checkpoint, out, storage=storage, inline=inline)
    print_differences(out, verify(out, checkpoint=checkpoint, data=data, storage=storage))


def write_detector(checkpoint: Checkpoint, out: Path, data: Path | None, storage: Storage) -> None:
    """Export a face detector, choose its threshold where pictures are given, and say which."""
    try:
        from sdfl.convert.export.detector import PROVISIONAL_THRESHOLD, export_detector, set_threshold
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "onnx", extra="convert") from error
    from sdfl.convert.detector_threshold import choose_threshold

    export_detector(checkpoint, out, storage=storage)
    if data is None:
        typer.echo(f"{out}: exported with the provisional threshold {PROVISIONAL_THRESHOLD}; choose one with --data")
        return
    choice = choose_threshold(out, data, progress)
    set_threshold(out, choice.threshold, choice.protocol)
    typer.echo(f"{out}: exported with the threshold {choice.threshold:.2f}, {choice.protocol}")
