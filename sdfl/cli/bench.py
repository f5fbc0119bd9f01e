"""sdfl bench: measure models and append records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.cli.options import PEER_FORM
from sdfl.errors import SdflError

if TYPE_CHECKING:
    from sdfl.benchmarks.records import Record

Models = Annotated[
    list[str] | None,
    typer.Argument(help="Names of models, or .onnx, .xml, .engine or .tflite files. Default: the suite's."),
]


class Kind(str, Enum):
    """Choices of --measure."""

    LATENCY, ACCURACY, SWEEP, VIDEO = "latency", "accuracy", "sweep", "video"


class BackEnd(str, Enum):
    """Choices of --backend."""

    OPENVINO, ONNXRUNTIME, TENSORRT, LITERT = "openvino", "onnxruntime", "tensorrt", "litert"


class Compute(str, Enum):
    """Choices of --compute."""

    AUTO, F32, BF16, F16 = "auto", "f32", "bf16", "f16"


class Stage(str, Enum):
    """Choices of --stage."""

    NETWORK, FRAME = "network", "frame"


class Crops(str, Enum):
    """Choices of --crops."""

    TRUE, DETECTED, TRACKED = "true", "detected", "tracked"


Threads = Annotated[list[int] | None, typer.Option(min=1, help="Number of CPU threads. May be repeated.")]
Batches = Annotated[list[int] | None, typer.Option(min=1, help="Number of faces at once. May be repeated.")]


def bench(
    models: Models = None,
    suite: Annotated[
        str | None, typer.Option(help="Suite of the package (default, ci, peers), or a TOML file.")
    ] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="File to append records to.")] = Path("records.jsonl"),
    data: Annotated[
        Path | None, typer.Option(help="Folder of labelled pictures. Without it, accuracy is not measured.")
    ] = None,
    measure: Annotated[
        list[Kind] | None, typer.Option(help="What to measure. May be repeated. Default: everything.")
    ] = None,
    backend: Annotated[
        list[BackEnd] | None,
        typer.Option(help="Library that runs the models. May be repeated. Default: all that read the file."),
    ] = None,
    compute: Annotated[
        list[Compute] | None,
        typer.Option(help="Arithmetic. May be repeated. Default: f32, and bf16 if the processor has it."),
    ] = None,
    stage: Annotated[
        list[Stage] | None,
        typer.Option(help="Take the time of the network alone or of a tracked frame. May be repeated. Default: both."),
    ] = None,
    threads: Threads = None,
    batch: Batches = None,
    crops: Annotated[
        list[Crops] | None, typer.Option(help="Crops to measure accuracy on. May be repeated. Default: all.")
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar=PEER_FORM,
            help="Another project's model: its adapter, interpreter, file and setting. May be repeated.",
        ),
    ] = None,
    picture: Annotated[
        list[str] | None, typer.Option(help="Make clips from this picture, not from labelled ones. May be repeated.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Name of this computer; jetson for a Jetson's model and power mode.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what --out already holds.")] = False,
    check: Annotated[
        Path | None, typer.Option(help="Compare with this baseline; exit code 1 if anything got worse.")
    ] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write the baseline for --check.")] = None,
) -> None:
    """Measure latency, memory, accuracy and stability of models; append one record for each measurement."""
    from sdfl.benchmarks import regression
    from sdfl.benchmarks.bench import measured_before, run_suite
    from sdfl.benchmarks.environment import read_environment
    from sdfl.benchmarks.progress import progress_bar
    from sdfl.benchmarks.suite import suite_from_options

    chosen = suite_from_options(models or (), peer or (), suite, _words(backend), _words(compute))
    given = {
        "measure": _words(measure), "stages": _words(stage), "crops": _words(crops), "threads": tuple(threads or ()),
        "batches": tuple(batch or ()), "pictures": tuple(picture or ()), "data": str(data or ""),
    }  # fmt: skip
    changes: dict[str, Any] = {key: value for key, value in given.items() if value}
    environment = read_environment(device)
    before = measured_before(out, environment["machine"]) if resume else ()
    with progress_bar() as start_bar:
        records = run_suite(
            replace(chosen, **changes), out, environment, resume=resume, start_bar=start_bar, say=say_failure
        )
    if write_baseline:
        regression.write_baseline(write_baseline, [*before, *records], chosen.tolerance)
    if check:
        typer.echo(regression.check(regression.read_baseline(check), [*before, *records]))
    failed = [record for record in records if record.error]
    if failed and len(failed) == len(records):
        raise SdflError(f"all {len(failed)} measurements failed; the first: {failed[0].error}")
    count = len(records) - len(failed)
    typer.echo(f"{out}: {count} {'record' if count == 1 else 'records'} written, {len(failed)} failed")


def _words(choices: Sequence[Enum] | None) -> tuple[str, ...]:
    return tuple(choice.value for choice in choices or ())


def say_failure(record: Record) -> None:
    """Print a record that failed on standard error, in one line."""
    if record.error:
        print(f"failed: {record.key}: {record.error}", file=sys.stderr)
