"""sdfl zoo: the models of the package, and what networks cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.artifacts.names import CHECKPOINT, ONNX, SUFFIX_OF_PRECISION, file_stem, has_suffix
from sdfl.cli.options import Accelerator, Labelled, LabelledInAnyForm, Split
from sdfl.errors import ArtifactError, ConfigError, DataError, MissingDependency

if TYPE_CHECKING:
    from sdfl.model.checkpoint import Checkpoint
    from sdfl.model.landmarks.network import Network

CALIBRATION_PICTURES = 128  # whose ranges the int8 detector has
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]
LINE = (
    "{name} {precision}, {backend}, {crops} crops: NME {nme_percent} % on {num_found} of {num_images}, "
    "failures at 8 % {failure_rate_8_percent} %, at 10 % {failure_rate_10_percent} %, AUC {auc_10}"
)


def zoo_list(as_json: AsJson = False) -> None:
    """List the models of the package: precisions, accuracy, size and terms of use."""
    from sdfl.artifacts.model_file import describe_files
    from sdfl.runtime.zoo import DEFAULT_MODEL, families, precisions

    rows = [
        {"name": name, "default": name == DEFAULT_MODEL, "precisions": precisions(name), **describe_files(files)}
        for name, files in families().items()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        default = " (default)" if row["default"] else ""
        files = ", ".join(f"{kind} {size:.1f} MB" for kind, size in row["megabytes"].items())
        accuracy = f"NME {row['nme_percent']} % ({row['nme_protocol']})"
        typer.echo(f"{row['name']}{default}: {row['input_size']} px, {accuracy}; {files}")
        typer.echo(f"    {row['licence']}; LICENSE-WEIGHTS has the terms")


def _check_name(name: str | None) -> str | None:
    """Refuse a name that the package has no model of before pictures are read."""
    from sdfl.runtime.zoo import families

    if name is not None and name not in families():
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(families())}")
    return name


def zoo_verify(
    name: Annotated[
        str | None, typer.Argument(callback=_check_name, help="Model of the package. Default: all of them.")
    ] = None,
    *,
    data: LabelledInAnyForm,
    split: Split = None,
    as_json: AsJson = False,
) -> None:
    """Measure the files of the package and compare them with what they state; exit code 1 where they differ.

    Without a name, models whose points are not those of the pictures are left out.
    """
    from sdfl.benchmarks.accuracy.shipped_models import deviations, measure_files
    from sdfl.datasets import load_labelled
    from sdfl.runtime.zoo import families

    models = families()
    samples = load_labelled(data, split)
    measurements = []
    for measurement in measure_files(models if name is None else {name: models[name]}, samples):
        measurements.append(measurement)
        if not as_json:
            typer.echo(LINE.format(**measurement.to_dict()))
    if as_json:
        typer.echo(json.dumps([measurement.to_dict() for measurement in measurements]))
    if not measurements:
        raise DataError(f"{data}: has layout {samples[0].layout}, which {name or 'no model of the package'} has not")
    found = deviations(measurements)
    if found:
        raise ArtifactError(f"the shipped files are not what they state: {'; '.join(found)}")


def zoo_train(
    name: Annotated[str, typer.Argument(help="Model of the package, or detector.")],
    data: Labelled,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and files.")] = Path("runs/zoo"),
    test: Annotated[
        Path | None, typer.Option(help="Labelled pictures whose NME the files shall state, in any form of --data.")
    ] = None,
    split: Split = None,
    accelerator: Accelerator = "auto",
) -> None:
    """Make the files of a model of the package from pictures: label, train, fine-tune for int8, export, compare.

    What was stopped is continued, and what is done is not done again.
    """
    try:
        from sdfl.convert.release import release
        from sdfl.datasets import load_labelled
        from sdfl.model.checkpoint import read_checkpoint
        from sdfl.train.data.landmark_dataset import locate
        from sdfl.train.devices import Devices
        from sdfl.train.zoo import Workshop
        from sdfl.train.zoo_detector import NAME, train_detector
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    faces = locate(data, "helen/trainset")
    measured = load_labelled(test, split) if test else []
    test_name = split or (test.name if test else "")
    workshop = Workshop(
        data,
        out,
        lambda checkpoint: read_checkpoint(checkpoint).backend(),
        Devices(accelerator),
        say=lambda line: typer.echo(line, err=True),
    )
    if name == NAME:
        _write_detector(read_checkpoint(train_detector(workshop)), data, out / NAME)
        return
    for checkpoint, precision in zip(workshop.train(name), SUFFIX_OF_PRECISION, strict=True):
        path = out / name / f"{file_stem(name, precision)}{ONNX}"
        typer.echo(str(release(checkpoint, path, faces=faces, test=measured, test_name=test_name)))


def _write_detector(network: Checkpoint, data: Path, out: Path) -> None:
    """Quantize a float detector and export it as the file that the package has."""
    from sdfl.cli.export import write_detector
    from sdfl.convert.post_training_quantization import quantize
    from sdfl.model.checkpoint import read_checkpoint
    from sdfl.runtime.detector.network import FACES
    from sdfl.train.data.landmark_dataset import locate

    faces = locate(data, "helen/trainset")
    int8 = quantize(network, faces, out / "int8.ckpt", images=CALIBRATION_PICTURES)
    write_detector(read_checkpoint(int8), out / FACES.name, data, "fp32")


def zoo_show(
    model: Annotated[
        str,
        typer.Argument(help="Name of a model, an .onnx or .ckpt file, a recipe, or the name of a backbone."),
    ],
    input_size: Annotated[
        int | None, typer.Option(help="Side of the crop in pixels, for a backbone. Default: 256.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a model is, and its parameters and multiply-adds."""
    facts = _file_facts(model) if _is_file(model) else _network_facts(model, input_size or 256)
    known = {key: value for key, value in facts.items() if value is not None}
    typer.echo(json.dumps(facts) if as_json else "\n".join(f"{key:24} {value}" for key, value in known.items()))


def _is_file(model: str) -> bool:
    from sdfl.runtime.zoo import zoo_models

    return model in zoo_models() or has_suffix(model, ONNX)


def _file_facts(model: str) -> dict[str, Any]:
    from sdfl.convert.graph_cost import file_facts
    from sdfl.runtime.zoo import resolve_model

    return file_facts(resolve_model(model))


def _network_facts(model: str, input_size: int) -> dict[str, Any]:
    try:
        from sdfl.model.complexity import network_facts
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error

    return network_facts(_network(model, input_size))


def _network(model: str, input_size: int) -> Network:
    """The network of a checkpoint, a backbone's name or a recipe."""
    from sdfl.model.backbones import BACKBONES, PREFIX
    from sdfl.model.checkpoint import read_checkpoint
    from sdfl.model.landmarks.network import ModelConfig, Network
    from sdfl.runtime.zoo import zoo_models
    from sdfl.train.recipe import find_recipe, load_recipe

    if has_suffix(model, CHECKPOINT):
        return read_checkpoint(Path(model)).landmark_network()
    if model in BACKBONES or model.startswith(PREFIX):
        return Network(ModelConfig(layout="wflw98", backbone=model, input_size=input_size))
    try:
        path = find_recipe(Path(model))
    except ConfigError as error:
        raise ConfigError(
            f"{model}: no such model, backbone or recipe; choose a model ({', '.join(zoo_models())}), a backbone "
            f"({', '.join(BACKBONES)}), or an .onnx, .ckpt or .toml file"
        ) from error
    return Network(load_recipe(path).model)
