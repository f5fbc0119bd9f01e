"""sdfl zoo: the models in the package, and what networks cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.cli.options import Accelerator, Labelled
from sdfl.errors import ArtifactError, MissingDependency

if TYPE_CHECKING:
    from sdfl.datasets import Sample
    from sdfl.evaluation import RegionOf

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON list.")]


NME_TOLERANCE = 0.01  # points: another processor sums in another order


INT8_ALLOWED = 0.05  # points of NME that int8 may cost


CHECKS = (("true", "onnxruntime"), ("true", "openvino"), ("detected", "openvino"))  # crops, back end


LINE = (
    "{name} {precision}, {backend}, {crops} crops: NME {nme_percent} % on {num_found} of {num_images}, "
    "failures at 8 % {failure_rate_8_percent} %, at 10 % {failure_rate_10_percent} %, AUC {auc_10}"
)


def zoo_list(as_json: AsJson = False) -> None:
    """The models in the package: names, precisions, accuracy, size, terms."""
    rows = [_facts(name, files) for name, files in _families().items()]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        default = " (default)" if row["default"] else ""
        files = ", ".join(f"{kind} {size:.1f} MB" for kind, size in row["megabytes"].items())
        accuracy = f"NME {row['nme_percent']} % ({row['nme_protocol']})"
        typer.echo(f"{row['name']}{default}: {row['input_size']} px, {accuracy}; {files}")
        typer.echo(f"    {row['licence']}; LICENSE-WEIGHTS has the terms")


def zoo_verify(
    name: Annotated[str | None, typer.Argument(help="A model of the package; default: all.")] = None,
    *,
    data: Labelled,
    as_json: AsJson = False,
) -> None:
    """Measure the shipped files on labelled pictures and hold them against what they state; exit code 1 where not."""
    from sdfl.datasets import find_samples
    from sdfl.evaluation import detected_region, true_region
    from sdfl.runtime.detector import open_detector

    families = _families()
    if name is not None and name not in families:
        raise ArtifactError(f"{name}: no such model in the package; choose {', '.join(families)}")
    samples = find_samples(data)
    regions = {"true": true_region, "detected": detected_region(open_detector())}
    rows: list[dict[str, Any]] = []
    for model, files in families.items() if name is None else [(name, families[name])]:
        for precision, path in files.items():
            for crops, backend in CHECKS:
                measured = _measure(path, samples, backend, crops, regions[crops])
                rows.append({"name": model, "precision": precision, **measured})
                if not as_json:
                    typer.echo(LINE.format(**rows[-1]))
    if as_json:
        typer.echo(json.dumps(rows))
    faults = [fault for row in rows for fault in _faults(row, rows)]
    if faults:
        raise ArtifactError(f"the shipped files are not what they state: {'; '.join(faults)}")


def zoo_train(
    name: Annotated[str, typer.Argument(help="A model of the package.")],
    data: Labelled,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and files.")] = Path("runs/zoo"),
    test: Annotated[
        Path | None, typer.Option(help="Folder of labelled pictures whose NME the files shall state.")
    ] = None,
    accelerator: Accelerator = "auto",
) -> None:
    """Make a model of the package from data to files: label, train, refit, int8, export, check. Goes on if stopped."""
    try:
        from sdfl.convert.export.landmarks import export, set_accuracy
        from sdfl.train.loop import Devices
        from sdfl.train.zoo import Workshop
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error
    from sdfl.artifacts.names import ONNX, SUFFIX_OF_PRECISION, file_stem
    from sdfl.convert.compare import runtimes as checks
    from sdfl.datasets import find_samples
    from sdfl.evaluation import evaluate
    from sdfl.model.quantize import backend_from_checkpoint
    from sdfl.runtime.backends.onnxruntime import OnnxRuntimeBackend
    from sdfl.train.data.landmark_dataset import locate

    crops_of = locate(data, "helen/trainset")  # what files are compared with torch on: on noise points move freely
    workshop = Workshop(
        data, out, backend_from_checkpoint, Devices(accelerator), say=lambda line: typer.echo(line, err=True)
    )
    for checkpoint, kind in zip(workshop.train(name), SUFFIX_OF_PRECISION, strict=True):
        path = out / name / f"{file_stem(name, kind)}{ONNX}"
        export(checkpoint, path, storage="fp16")
        limit_px = checks.LIMIT_HALF_PX if kind == "fp32" else None
        for difference in checks.verify(path, checkpoint=checkpoint, data=crops_of, limit_px=limit_px):
            if not difference.passed:
                raise ArtifactError(f"{path}: {difference.runtime} differs by {difference.points_px:.3f} px from torch")
        if test:
            nme = evaluate(OnnxRuntimeBackend(path), find_samples(test)).summary()["nme_percent"]
            set_accuracy(path, nme, f"{test.name}, inter-ocular, crops from the true points, ONNX Runtime")
        typer.echo(str(path))


def _families() -> dict[str, dict[str, Path]]:
    from sdfl.runtime.zoo import families

    return families()


def _measure(path: Path, samples: list[Sample], backend: str, crops: str, region_of: RegionOf) -> dict[str, Any]:
    from sdfl.evaluation import evaluate
    from sdfl.runtime.backends import open_backend

    opened = open_backend(path, name=backend)
    result = evaluate(opened, samples, region_of=region_of, crops=crops)
    opened.close()
    return {"backend": backend, "stated_percent": opened.spec.nme_percent, **result.summary()}


def _faults(row: dict[str, Any], rows: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with a measurement, beside the others."""
    where = f"{row['name']} {row['precision']} on {row['backend']}"
    if row["crops"] != "true":
        return
    stated, nme = row["stated_percent"], row["nme_percent"]
    if row["backend"] == "onnxruntime" and (stated is None or abs(nme - stated) > NME_TOLERANCE):
        yield f"{where} has {nme} %, its metadata say {stated}"
    if row["precision"] == "int8":
        float_twin = next(
            each["nme_percent"]
            for each in rows
            if (each["name"], each["precision"], each["backend"], each["crops"])
            == (row["name"], "fp32", row["backend"], "true")
        )
        if nme > float_twin + INT8_ALLOWED:
            yield f"{where} has {nme} %, more than {INT8_ALLOWED} above fp32's {float_twin}"


def _facts(name: str, files: dict[str, Path]) -> dict[str, Any]:
    from sdfl.artifacts.onnx_metadata import read_spec
    from sdfl.runtime.zoo import DEFAULT_MODEL, precisions

    spec = read_spec(next(iter(files.values())))
    return {
        "name": name,
        "default": name == DEFAULT_MODEL,
        "precisions": precisions(name),
        "nme_percent": spec.nme_percent,
        "nme_protocol": spec.nme_protocol,
        "layout": spec.layout,
        "input_size": spec.input_size,
        "megabytes": {kind: round(path.stat().st_size / 1e6, 2) for kind, path in files.items()},
        "sha256": {kind: hashlib.sha256(path.read_bytes()).hexdigest() for kind, path in files.items()},
        "training_data": spec.training_data,
        "licence": spec.licence,
        "git_commit": spec.git_commit,
    }


def zoo_show(
    model: Annotated[str, typer.Argument(help="A zoo name, .onnx or .ckpt file, recipe, or backbone.")],
    input_size: Annotated[int | None, typer.Option(help="Crop px, for a backbone; default 256.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What a model is, and its parameters and multiply-adds with and without head."""
    facts = _file_facts(model) if _is_file(model) else _network_facts(model, input_size or 256)
    typer.echo(json.dumps(facts) if as_json else "\n".join(f"{key:24} {value}" for key, value in facts.items()))


def _is_file(model: str) -> bool:
    from sdfl.runtime.zoo import zoo_models

    return model in zoo_models() or model.endswith(".onnx")


def _file_facts(model: str) -> dict[str, Any]:
    """The metadata of an ONNX file and what its graph costs."""
    from sdfl.artifacts.onnx_metadata import read_spec
    from sdfl.convert.graph_cost import file_cost
    from sdfl.runtime.zoo import resolve_model

    path = resolve_model(model)
    spec = read_spec(path)
    megabytes = round(path.stat().st_size / 1e6, 2)
    return {"file": str(path), "megabytes": megabytes, **vars(spec), **file_cost(path, spec.input_size)}


def _network_facts(model: str, input_size: int) -> dict[str, Any]:
    try:
        from sdfl.model.checkpoint import network_from_checkpoint
        from sdfl.model.complexity import network_cost
        from sdfl.model.landmarks.network import ModelConfig, Network
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "torch", extra="train") from error
    from sdfl.model.backbones import BACKBONES, PREFIX

    if model.endswith(".ckpt"):
        network = network_from_checkpoint(Path(model))[0]
    elif model in BACKBONES or model.startswith(PREFIX):
        network = Network(ModelConfig(layout="wflw98", backbone=model, input_size=input_size))
    else:
        network = Network(_recipe_model(model))
    facts: dict[str, Any] = dict(vars(network.config))
    for part, cost in network_cost(network).items():
        facts[f"{part}_parameters"] = cost.parameters
        facts[f"{part}_multiply_adds"] = cost.multiply_adds
    return facts


def _recipe_model(name: str) -> Any:
    from sdfl.train.recipe import find_recipe, load_recipe

    return load_recipe(find_recipe(Path(name))).model
