"""sdfl eval: accuracy on labelled pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sdfl.cli.options import Labelled
from sdfl.cli.progress import progress
from sdfl.errors import ConfigError, MissingDependency


def evaluate(
    model: Annotated[str | None, typer.Argument(help="Model name, .onnx file or .ckpt file; default: small.")] = None,
    *,
    data: Labelled,
    crops: Annotated[str, typer.Option(help="Which regions to look at: true or detected.")] = "true",
    backend: Annotated[
        str | None,
        typer.Option(help="onnxruntime (as stored; default of .onnx), openvino (as the demo runs), tensorrt."),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, fp16 or int8, of a model of the package.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write one row a picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Accuracy on labelled pictures: inter-ocular NME, failure rates, AUC."""
    from sdfl import evaluation
    from sdfl.datasets import find_samples

    if crops not in evaluation.CROPS:
        raise ConfigError(f"--crops must be one of {', '.join(evaluation.CROPS)}, got {crops!r}")
    samples = find_samples(data)
    network = open_model(model, backend, threads, precision)
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


def open_model(model: str | None, backend: str | None, threads: int | None, precision: str | None = None) -> Any:
    """A checkpoint in torch, anything else in the back end asked for, or in the one that shows what is stored."""
    if model and model.endswith(".ckpt"):
        try:
            from sdfl.model.quantize import backend_from_checkpoint
        except ModuleNotFoundError as error:
            raise MissingDependency(error.name or "torch", extra="train") from error
        return backend_from_checkpoint(Path(model))
    from sdfl.runtime.backends import backends_for, open_backend
    from sdfl.runtime.zoo import resolve_model

    path = resolve_model(model, precision)
    stored = "onnxruntime" if "onnxruntime" in backends_for(path) else None
    return open_backend(path, name=backend or stored, threads=threads)
