"""sdfl bench: measure models and append records."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdfl.errors import ConfigError, SdflError

if TYPE_CHECKING:
    from sdfl.benchmarks.records import Record
    from sdfl.benchmarks.suite import PeerEntry, Suite


Threads = Annotated[list[int] | None, typer.Option(min=1, help="CPU threads; may be repeated.")]


def bench(
    models: Annotated[
        list[str] | None, typer.Argument(help="Model names or .onnx files; default: the suite's.")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="default, ci, peers, or a TOML file.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", help="File that records are appended to.")] = Path(
        "records.jsonl"
    ),
    data: Annotated[Path | None, typer.Option(help="Labelled pictures; without them accuracy is left out.")] = None,
    measure: Annotated[list[str] | None, typer.Option(help="latency, accuracy, sweep, video; default: all.")] = None,
    backend: Annotated[list[str] | None, typer.Option(help="openvino, onnxruntime, tensorrt; may be repeated.")] = None,
    compute: Annotated[list[str] | None, typer.Option(help="f32, bf16, ...; default: what the processor has.")] = None,
    stage: Annotated[list[str] | None, typer.Option(help="network, frame; default: both.")] = None,
    threads: Threads = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Faces at once; may be repeated.")] = None,
    crops: Annotated[list[str] | None, typer.Option(help="true, detected, tracked; default: all.")] = None,
    peer: Annotated[list[str] | None, typer.Option(help="NAME=PYTHON[,MODEL[,SETTING]], an adapter.")] = None,
    picture: Annotated[
        list[str] | None, typer.Option(help="Make the clips from this picture instead of labelled ones.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="What to call this computer; jetson: its model and power mode.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what --out holds already.")] = False,
    check: Annotated[Path | None, typer.Option(help="Compare with this baseline; exit code 1 where worse.")] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Write what --check compares with.")] = None,
) -> None:
    """Measure latency, memory, accuracy and stability of models; append records."""
    from sdfl.benchmarks import regression
    from sdfl.benchmarks.environment import read_environment

    chosen = _suite(models, suite, backend, compute, peer)
    given = {
        "data": str(data) if data else None, "measure": measure, "stages": stage, "threads": threads,
        "batches": batch, "crops": crops, "pictures": picture,
    }  # fmt: skip
    changes: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given.items() if value
    }
    environment = read_environment(device)
    records = run_suite(replace(chosen, **changes), out, environment, resume=resume)
    known = [*_of_before(out, environment["machine"]), *records] if resume else records
    if write_baseline:
        regression.write_baseline(write_baseline, known, chosen.tolerance)
    if check:
        typer.echo(regression.check(regression.read_baseline(check), known))
    failed = [record for record in records if record.error]
    if failed and len(failed) == len(records):
        raise SdflError(f"all {len(failed)} measurements failed; the first: {failed[0].error}")
    typer.echo(f"{out}: {len(records) - len(failed)} records written, {len(failed)} of failures")


def run_suite(suite: Suite, out: Path, environment: dict[str, Any], *, resume: bool) -> list[Record]:
    """Run with a progress bar; failures go to standard error, one line each."""
    from sdfl.benchmarks.bench import Bench, done_before
    from sdfl.benchmarks.progress import progress_bar

    def say(record: Record) -> None:
        if record.error:
            print(f"failed: {record.key}: {record.error}", file=sys.stderr)

    done = done_before(out, environment["machine"]) if resume else frozenset()
    with progress_bar() as start_bar:
        return Bench(suite, out, environment, start_bar, say, done).run()


def _of_before(out: Path, machine: str) -> list[Record]:
    """What `--resume` need not measure again."""
    from sdfl.benchmarks.records import read_records

    return [record for record in read_records([out]).records if record.machine == machine]


def _suite(
    models: list[str] | None,
    suite: str | None,
    backends: list[str] | None,
    compute: list[str] | None,
    peers: list[str] | None,
) -> Suite:
    """The suite of `--suite`, or one of the models and peers that were named."""
    from sdfl.benchmarks.suite import ModelEntry, Suite, load_suite
    from sdfl.runtime.backends import backends_for

    named = [_peer(text) for text in peers or ()]
    if models or named:
        entries = [
            ModelEntry(model, tuple(backends or backends_for(Path(model))), tuple(compute or ()))
            for model in models or ()
        ]
        base = load_suite(suite) if suite else Suite("command line", model=tuple(entries), peer=tuple(named))
        return replace(base, model=tuple(entries), peer=tuple(named))
    chosen = load_suite(suite or "default")
    changes: dict[str, Any] = {
        key: tuple(value) for key, value in (("backends", backends), ("compute", compute)) if value
    }
    return replace(chosen, model=tuple(replace(entry, **changes) for entry in chosen.model))


def _peer(text: str) -> PeerEntry:
    from sdfl.benchmarks.suite import PeerEntry

    name, _, rest = text.partition("=")
    words = rest.split(",")
    if not words[0] or len(words) > 3:
        raise ConfigError(f"--peer {text}: write NAME=PYTHON, NAME=PYTHON,MODEL or NAME=PYTHON,MODEL,SETTING")
    return PeerEntry(name, *words)
