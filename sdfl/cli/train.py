"""sdfl train: train a network, or fine-tune one for int8."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdfl.artifacts.names import CHECKPOINT, has_suffix
from sdfl.cli.options import Accelerator, Assignments, DeviceCount, Labelled, Strategy
from sdfl.errors import ConfigError, MissingDependency


def train(
    recipe: Annotated[Path, typer.Argument(help="Recipe: a TOML file, or the name of one in the package.")],
    data: Labelled,
    out: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints and logs. Default: runs/ and the recipe's name.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start from these weights: a model's name, an .onnx or a .ckpt file. Recipes for int8 need a .ckpt.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the last checkpoint in --out, exactly where it stopped.")
    ] = False,
    assignments: Assignments = None,
    accelerator: Accelerator = "auto",
    devices: DeviceCount = "auto",
    strategy: Strategy = "auto",
) -> None:
    """Train a landmark network or a face detector, or fine-tune a network for int8.

    Writes last.ckpt, best.ckpt (where pictures are held out) and TensorBoard logs. Ctrl-C ends a training after the
    current step; --resume continues it.
    """
    try:
        from sdfl.runtime.zoo import resolve_model
        from sdfl.train.detector_recipe import is_detector_recipe, load_detector_recipe
        from sdfl.train.devices import Devices
        from sdfl.train.recipe import find_recipe, load_recipe
        from sdfl.train.tasks.detector import fit_detector
        from sdfl.train.tasks.landmarks import fit_landmarks
        from sdfl.train.tasks.quantization import fit_quantized
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    path = find_recipe(recipe)
    folder = out or Path("runs") / path.stem
    before = _last_checkpoint(folder, resume=resume)
    place = Devices(accelerator, devices, strategy)
    if is_detector_recipe(path):
        if source is not None and not has_suffix(Path(source), CHECKPOINT):
            raise ConfigError(f"{path}: trains a detector, which starts from a float checkpoint: --from FILE.ckpt")
        begin = Path(source) if source is not None else None
        detector = load_detector_recipe(path, assignments or ())
        checkpoint = fit_detector(detector, data, folder, resume=before, start=begin, devices=place)
        typer.echo(f"{checkpoint}: trained; next: sdfl quantize {checkpoint} --data {data} -o int8.ckpt")
        return
    loaded = load_recipe(path, assignments or ())
    start = resolve_model(source) if source else None
    if loaded.quantize is not None:
        if start is None or not has_suffix(start, CHECKPOINT):
            raise ConfigError(f"{path}: fine-tunes for int8 and needs the float checkpoint: --from FILE.ckpt")
        checkpoint = fit_quantized(loaded, data, folder, source=start, resume=before, devices=place)
    else:
        checkpoint = fit_landmarks(loaded, data, folder, resume=before, start=start, devices=place)
    typer.echo(f"{checkpoint}: trained; next: sdfl export {checkpoint} -o model.onnx")


def _last_checkpoint(folder: Path, *, resume: bool) -> Path | None:
    """What a training continues from, None for a new one. Raises ConfigError where --resume does not fit the folder."""
    from sdfl.train.loop import LAST

    last = folder / LAST
    if last.exists() and not resume:
        raise ConfigError(f"{last} exists; add --resume to continue from it, or choose another --out")
    if resume and not last.exists():
        raise ConfigError(f"{last} does not exist; start without --resume")
    return last if resume else None
