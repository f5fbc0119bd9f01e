"""Verbs for those who train and measure: train, eval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sdfl.cli.options import Accelerator, Assignments, DeviceCount, Labelled, Strategy
from sdfl.cli.progress import progress
from sdfl.errors import ConfigError, MissingDependency


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe (TOML), a file or the name of one in the package.")],
    data: Labelled,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoints and logs; default runs/<recipe>.")] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="Weights to start from: a model's name, .onnx or .ckpt; qat needs a .ckpt."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    assignments: Assignments = None,
    accelerator: Accelerator = "auto",
    devices: DeviceCount = "auto",
    strategy: Strategy = "auto",
) -> None:
    """Train a network, or fine-tune one for int8 (qat); writes last.ckpt, best.ckpt and TensorBoard logs."""
    try:
        from sdfl.runtime.zoo import resolve_model
        from sdfl.train.detector_recipe import is_detector_recipe, load_detector_recipe
        from sdfl.train.loop import Devices, fit
        from sdfl.train.recipe import find_recipe, load_recipe
        from sdfl.train.tasks.detector import fit_detector
        from sdfl.train.tasks.quantization import fit_quantized
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    path = find_recipe(recipe)
    folder = out or Path("runs") / path.stem
    last = folder / "last.ckpt"
    if last.exists() and not resume:
        raise ConfigError(f"{last} exists; add --resume to go on from it, or choose another --out")
    if resume and not last.exists():
        raise ConfigError(f"{last} does not exist; start without --resume")
    place, before = Devices(accelerator, devices, strategy), last if resume else None
    if is_detector_recipe(path):
        if source is not None:
            raise ConfigError(f"{path}: trains a detector, which starts from nothing; leave --from out")
        detector = load_detector_recipe(path, assignments or ())
        checkpoint = fit_detector(detector, data, folder, resume=before, devices=place)
        typer.echo(f"{checkpoint}: trained; next: sdfl quantize {checkpoint} --data {data} -o int8.ckpt")
        return
    loaded = load_recipe(path, assignments or ())
    start = resolve_model(source) if source else None
    if loaded.quantize is not None:
        if start is None or start.suffix == ".onnx":
            raise ConfigError(f"{path}: fine-tunes for int8 and needs the float checkpoint: --from FILE.ckpt")
        checkpoint = fit_quantized(loaded, data, folder, source=start, resume=before, devices=place)
    else:
        checkpoint = fit(loaded, data, folder, resume=before, start=start, devices=place)
    typer.echo(f"{checkpoint}: trained; next: sdfl export {checkpoint} -o model.onnx")


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
