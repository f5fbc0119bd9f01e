"""sdfl study: the measurements behind single design decisions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sdfl.cli.options import PEER_FORM, Accelerator, Assignments, DeviceCount, Labelled, Strategy
from sdfl.errors import ConfigError, MissingDependency

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Network = Annotated[str | None, typer.Option("--model", help="Name of a model, or an .onnx file. Default: small.")]


def study_operator(
    model: Annotated[str | None, typer.Argument(help="Name of a model, or an .onnx file. Default: small.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Number of runs of each form.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Time the graph convolution in all its forms: function, standard operators, compiled extension and dense product.

    All forms take turns in one process, on one thread, at batch 1, and CPU time counts. LiteRT takes part if its
    converter is installed.
    """
    with _extra("convert"):
        from sdfl.benchmarks.studies import operator_forms

    results = operator_forms.study(model, rounds)
    typer.echo(json.dumps([asdict(each) for each in results]) if as_json else operator_forms.as_text(results))


def study_smoothing(
    data: Labelled,
    model: Network = None,
    clips: Annotated[int, typer.Option(min=1, help="Number of pictures to make clips from.")] = 6,
    records: Annotated[
        Path | None, typer.Option(help="File of sdfl bench with video records of other models, for --plot.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw jitter against lag: a .png or .svg file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how the parameters of the smoothing trade jitter against lag, on clips made from labelled pictures."""
    from sdfl.benchmarks.studies import smoothing

    if plot and plot.suffix not in (".png", ".svg"):
        raise ConfigError(f"--plot {plot}: the name must end in .png or .svg")
    peers = smoothing.peers_of(records)
    if plot:
        with _extra("report"):
            from sdfl.benchmarks.studies.smoothing_chart import plot as draw
    rows = smoothing.study(data, model, clips)
    if plot:
        draw(rows, peers, plot)
    typer.echo(json.dumps(dict(rows)) if as_json else smoothing.as_markdown(rows))


def study_throughput(
    recipe: Annotated[Path, typer.Argument(help="Recipe of a landmark network: a TOML file, or a name.")],
    data: Labelled,
    assignments: Assignments = None,
    accelerator: Accelerator = "auto",
    devices: DeviceCount = "1",
    strategy: Strategy = "auto",
    steps: Annotated[int, typer.Option(min=1, help="Number of training steps to measure.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Measure how many pictures a second the loader, the network and a whole training manage.

    If the training is about as fast as the network alone, the loader is no bottleneck.
    """
    with _extra("train"):
        from sdfl.benchmarks.studies.training_throughput import throughput
        from sdfl.train.devices import Devices
        from sdfl.train.recipe import find_recipe, load_recipe

    loaded = load_recipe(find_recipe(recipe), assignments or ())
    rates = throughput(loaded, data, steps=steps, devices=Devices(accelerator, devices, strategy))
    if rates:  # all processes but the first have none
        lines = [f"{key:28} {value}" for key, value in rates.items()]
        typer.echo(json.dumps(rates) if as_json else "\n".join(lines))


def study_detector(
    data: Annotated[Path, typer.Option("--data", help="Folder that holds 300w/helen and ytf.")],
    model: Annotated[Path | None, typer.Option(help="Detector, an .onnx file. Default: the built-in one.")] = None,
    yunet: Annotated[
        Path | None, typer.Option(help="YuNet's .onnx file, to compare with; without it, no times.")
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="Also measure the recall on these labelled pictures, a folder or a list. May be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Number of pictures to take the time of.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Measure the recall, the false detections and the time of the face detector, beside YuNet's."""
    from sdfl.benchmarks.detector import measure
    from sdfl.benchmarks.progress import progress_bar
    from sdfl.runtime.detector.network import FACES

    with progress_bar() as start_bar:
        result = measure.study(
            data, model=model or FACES, yunet=yunet, also=also or (), rounds=rounds, start_bar=start_bar
        )
    typer.echo(json.dumps(asdict(result)) if as_json else measure.as_markdown(result))


def study_streams(
    model: Annotated[str | None, typer.Argument(help="Name of a model, or an .onnx file. Default: small.")] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar=PEER_FORM,
            help="Another project's tracker, as for sdfl bench. May be repeated. Default: MediaPipe where make peers "
            "has installed it.",
        ),
    ] = None,
    cores: Annotated[
        list[int] | None, typer.Option(min=1, help="Number of processor cores. May be repeated. Default: 1 and 2.")
    ] = None,
    streams: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Number of cameras. May be repeated. Default: look for the largest that holds."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each trial.")] = 10.0,
    limit_ms: Annotated[
        float | None,
        typer.Option(min=0, help="Largest 99th percentile of the latencies. Default: the 33.3 ms of a frame."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how many cameras of 30 frames a second this computer follows, in one process and in one each."""
    from sdfl.benchmarks.studies import streams as cameras

    limit_ms = cameras.LIMIT_MS if limit_ms is None else limit_ms
    trials = list(
        cameras.run(model, peer, cores=cores or (1, 2), streams=streams or (), seconds=seconds, limit_ms=limit_ms)
    )
    typer.echo(json.dumps([asdict(each) for each in trials]) if as_json else cameras.as_markdown(trials, limit_ms))


def study_clips(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that sdfl synth --clips wrote.")],
    model: Annotated[
        list[str] | None,
        typer.Option(help="Name of a model, or an .onnx file. May be repeated. Default: small_int8."),
    ] = None,
    peer: Annotated[
        list[str] | None,
        typer.Option(
            metavar=PEER_FORM,
            help="Another project's tracker, as for sdfl bench. May be repeated.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well trackers follow rendered heads that turn, speak and blink, whose points are known exactly."""
    from sdfl.benchmarks.studies import rendered_clips

    scores = rendered_clips.study(folder, model or ["small_int8"], peer or ())
    typer.echo(json.dumps([asdict(each) for each in scores]) if as_json else rendered_clips.as_markdown(scores))


def study_faceless(
    data: Annotated[Path, typer.Option("--data", help="Folder that holds 300w/helen.")],
    yunet: Annotated[Path, typer.Option(help="YuNet's .onnx file, which finds the faces that are not labelled.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="List to write. Default: the one in the package.")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Folder that keeps YuNet's answers.")] = Path("runs/faceless"),
) -> None:
    """Draw the list of crops without a face, in which every detection is a false one."""
    from sdfl.benchmarks.progress import progress_bar
    from sdfl.datasets.faceless import FILE

    with _extra("train"):
        from sdfl.benchmarks.detector.faceless import write_faceless_list

    with progress_bar() as start_bar:
        typer.echo(f"{write_faceless_list(data, yunet, cache, out=out or FILE, start_bar=start_bar)}: written")


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Name the extra that brings a package whose import fails in the block."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or name, extra=name) from error
