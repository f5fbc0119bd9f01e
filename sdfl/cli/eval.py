"""sdfl eval: accuracy on labelled pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sdfl.artifacts.names import CHECKPOINT, has_suffix
from sdfl.cli.options import LabelledInAnyForm, Providers, Split, Threads
from sdfl.cli.progress import progress
from sdfl.errors import MissingDependency

if TYPE_CHECKING:
    from sdfl.types import Backend

Crops = Literal["true", "detected"]


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            help="Name of a model (see sdfl zoo list), or an .onnx, .xml, .engine, .tflite or .ckpt file. "
            "Default: small."
        ),
    ] = None,
    *,
    data: LabelledInAnyForm,
    split: Split = None,
    crops: Annotated[
        Crops,
        typer.Option(help="Cut the crops around the labelled points or around the detected face."),
    ] = "true",
    backend: Annotated[
        Literal["openvino", "onnxruntime", "tensorrt"] | None,
        typer.Option(
            help="Library that runs the model. Default: onnxruntime for .onnx files, which runs them as stored."
        ),
    ] = None,
    providers: Providers = None,
    threads: Threads = None,
    precision: Annotated[
        Literal["fp32", "fp16", "int8"] | None,
        typer.Option(help="Precision of a model that is given by its name. Default: the float file."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write a CSV file with one row per picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure accuracy on labelled pictures: inter-ocular NME, failure rates and AUC."""
    from sdfl import evaluation
    from sdfl.datasets import load_labelled

    samples = load_labelled(data, split)
    network = open_model(model, backend, threads, precision, providers)
    region_of: evaluation.RegionOf = evaluation.true_region
    if crops == "detected":
        from sdfl.runtime.detector import open_detector

        region_of = evaluation.detected_region(open_detector(threads=threads))

    result = evaluation.evaluate(
        network, samples, region_of=region_of, crops=crops, progress=progress(network.spec.name)
    )
    if csv:
        result.write_csv(csv)
    summary = result.summary()
    typer.echo(json.dumps(summary) if as_json else "\n".join(f"{key:24} {value}" for key, value in summary.items()))


def open_model(
    model: str | None,
    backend: str | None,
    threads: int | None,
    precision: str | None = None,
    providers: list[str] | None = None,
) -> Backend:
    """Open a model to measure its accuracy.

    Args:
        model: a name or a file; a checkpoint runs in torch.
        backend: the library to run it; None for the one that computes what the file stores.
        threads: CPU threads, None for the library's choice.
        precision: of a model that is given by its name.
        providers: what ONNX Runtime computes on, None for the CPU.

    Raises:
        SdflError: the model cannot be opened.
    """
    if model and has_suffix(model, CHECKPOINT):
        try:
            from sdfl.model.checkpoint import read_checkpoint
        except ModuleNotFoundError as error:
            raise MissingDependency(error.name or "torch", extra="train") from error
        return read_checkpoint(Path(model)).backend()
    from sdfl.runtime.backends import backends_for, open_backend
    from sdfl.runtime.zoo import resolve_model

    path = resolve_model(model, precision)
    stored = "onnxruntime" if "onnxruntime" in backends_for(path) else None
    return open_backend(path, name=backend or stored, threads=threads, providers=providers)
