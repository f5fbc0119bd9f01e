"""Verbs for those who train and measure: train, eval."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sdfl.errors import ConfigError, MissingDependency

Data = Annotated[Path, typer.Option("--data", help="Folder of pictures with .pts files, or a dataset's root.")]


def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe (TOML), a file or the name of one in the package.")],
    data: Data,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoints and logs; default runs/<recipe>.")] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="The fp32 checkpoint that a qat_* recipe starts from.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")] = False,
    assignments: Annotated[list[str] | None, typer.Option("--set", help="Override one key: section.key=value.")] = None,
    accelerator: Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, cpu, cuda.")] = "auto",
    devices: Annotated[str, typer.Option(help="How many, or auto.")] = "auto",
    strategy: Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, ddp.")] = "auto",
) -> None:
    """Train a network; writes last.ckpt, best.ckpt and TensorBoard logs. With --from, fine-tune it for int8."""
    try:
        from sdfl.train.detector.loop import fit_detector
        from sdfl.train.detector.recipe import is_detector_recipe, load_detector_recipe
        from sdfl.train.loop import Devices, fit
        from sdfl.train.qat import fit_quantized
        from sdfl.train.recipe import find_recipe, load_recipe
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    path = find_recipe(recipe)
    folder = out or Path("runs") / path.stem
    last = folder / "last.ckpt"
    if last.exists() and not resume:
        raise ConfigError(f"{last} exists; add --resume to go on from it, or choose another --out")
    if resume and not last.exists():
        raise ConfigError(f"{last} does not exist; start without --resume")
    place, start = Devices(accelerator, devices, strategy), last if resume else None
    if is_detector_recipe(path):
        if source is not None:
            raise ConfigError(f"{path}: --from belongs to recipes with a [quantize] section")
        checkpoint = fit_detector(
            load_detector_recipe(path, assignments or ()), data, folder, resume=start, devices=place
        )
        typer.echo(f"{checkpoint}: trained; next: sdfl quantize {checkpoint} --data {data} -o int8.ckpt")
        return
    loaded = load_recipe(path, assignments or ())
    if (loaded.quantize is None) != (source is None):
        raise ConfigError(f"{path}: --from belongs to recipes with a [quantize] section, and they need it")
    if source is not None:
        if resume:
            raise ConfigError(f"{path}: a quantization recipe is short and is not resumed; choose another --out")
        checkpoint = fit_quantized(loaded, data, folder, source=source, devices=place)
    else:
        checkpoint = fit(loaded, data, folder, resume=start, devices=place)
    typer.echo(f"{checkpoint}: trained; next: sdfl export {checkpoint} -o model.onnx")


def evaluate(
    model: Annotated[
        str | None, typer.Argument(help="Model name, .onnx file or .ckpt file; default: the default model.")
    ] = None,
    *,
    data: Data,
    crops: Annotated[str, typer.Option(help="Which regions to look at: true or detected.")] = "true",
    backend: Annotated[
        str, typer.Option(help="onnxruntime (as stored) or openvino (as the demo runs).")
    ] = "onnxruntime",
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write one row a picture.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Accuracy on labelled pictures: inter-ocular NME, failure rates, AUC."""
    from rich.progress import track

    from sdfl import evaluation
    from sdfl.datasets import find_samples

    if crops not in evaluation.CROPS:
        raise ConfigError(f"--crops must be one of {', '.join(evaluation.CROPS)}, got {crops!r}")
    samples = find_samples(data)
    network = open_model(model, backend, threads)
    region_of: evaluation.RegionOf = evaluation.true_region
    if crops == "detected":
        from sdfl.runtime.detector import open_detector

        region_of = evaluation.detected_region(open_detector(threads=threads))

    def progress(steps: Iterable[int]) -> Iterable[int]:
        return track(list(steps), description=network.spec.name, console=_console(), transient=True)

    result = evaluation.evaluate(network, samples, region_of=region_of, crops=crops, progress=progress)
    if csv:
        result.write_csv(csv)
    summary = result.summary()
    typer.echo(json.dumps(summary) if as_json else "\n".join(f"{key:24} {value}" for key, value in summary.items()))


def open_model(model: str | None, backend: str, threads: int | None) -> Any:
    """A checkpoint in torch, anything else in the back end asked for."""
    if model and model.endswith(".ckpt"):
        try:
            from sdfl.model.quantize import backend_from_checkpoint
        except ModuleNotFoundError as error:
            raise MissingDependency(error.name or "torch", extra="train") from error
        return backend_from_checkpoint(Path(model))
    from sdfl.runtime.backends import open_backend
    from sdfl.runtime.zoo import resolve_model

    return open_backend(resolve_model(model), name=backend, threads=threads)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)
