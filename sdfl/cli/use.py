"""Verbs for those who look at faces: demo, track."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from sdfl.errors import ConfigError, SdflError

if TYPE_CHECKING:
    from sdfl.core import Frame
    from sdfl.runtime.doctor import Implementation
    from sdfl.runtime.sources import FrameSource

SOURCE_HELP = "Camera index, video, picture, folder of pictures, URL, or 'sample'."
Model = Annotated[str | None, typer.Option(help="Model name, .onnx, .xml or .engine file; default: the default model.")]
Backend = Annotated[str | None, typer.Option(help="openvino, onnxruntime or tensorrt; default: what the file is for.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: the back end's choice.")]
MaxFaces = Annotated[int, typer.Option(min=1, help="Follow at most so many faces.")]
Smoothing = Annotated[bool, typer.Option("--smoothing/--no-smoothing", help="Steady the points of tracked faces.")]
MaxFrames = Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")]


def demo(
    source: Annotated[str | None, typer.Option(help=f"{SOURCE_HELP} Default: the first webcam.")] = None,
    model: Model = None,
    backend: Backend = None,
    threads: Threads = None,
    max_faces: MaxFaces = 1,
    smoothing: Smoothing = True,
    save: Annotated[Path | None, typer.Option(help="Also record to this video file (.mp4, .avi, .mkv).")] = None,
    view: Annotated[str | None, typer.Option(help="window, browser or none; default: what this computer has.")] = None,
    max_frames: MaxFrames = None,
) -> None:
    """Show tracked landmarks live: in a window, in the browser, or only as a recording."""
    from sdfl.runtime import FaceLandmarker, default_source, open_source
    from sdfl.runtime.pipeline import run
    from sdfl.runtime.recorder import Recorder
    from sdfl.runtime.views import open_view

    with ExitStack() as stack:
        landmarker = FaceLandmarker(model, backend=backend, threads=threads, max_faces=max_faces, smoothing=smoothing)
        stack.enter_context(landmarker)
        frames = stack.enter_context(open_source(source) if source else default_source())
        recorder = stack.enter_context(Recorder(save, frames.fps)) if save else None
        shown = open_view(view)
        stack.callback(shown.close)
        bar = progress_of(frames, max_frames, wanted=not shown.watched)
        try:
            summary = run(frames, landmarker, shown, recorder=recorder, max_frames=max_frames, progress=bar)
        except SdflError as error:
            kept = f"; {recorder.frames_written} frames are kept in {save}" if recorder else ""
            raise type(error)(f"{error}{kept}") from error
    typer.echo(f"{summary}; saved {save}" if recorder and recorder.frames_written else str(summary))


def track(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    model: Model = None,
    backend: Backend = None,
    threads: Threads = None,
    max_faces: MaxFaces = 1,
    smoothing: Smoothing = True,
    max_frames: MaxFrames = None,
    jsonl: Annotated[Path, typer.Option(help="File to write, - for standard output.")] = Path("-"),
) -> None:
    """Write the landmarks of every frame as JSON, one line a frame."""
    import itertools

    from sdfl.runtime import FaceLandmarker, open_source
    from sdfl.runtime.jsonl import to_json_line
    from sdfl.runtime.pipeline import results

    with (
        FaceLandmarker(model, backend=backend, threads=threads, max_faces=max_faces, smoothing=smoothing) as landmarker,
        open_source(source) as opened,
        _text_out(jsonl) as out,
    ):
        frames = progress_of(opened, max_frames, wanted=not out.isatty())(itertools.islice(opened, max_frames))
        start_s: float | None = None
        for result in results(opened, landmarker, frames=frames):
            start_s = result.frame.timestamp_s if start_s is None else start_s
            print(to_json_line(result, start_s=start_s), file=out, flush=opened.live)


def doctor(
    model: Model = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What is installed and what fits this machine, what is wrong and the command that mends it.

    Runs every form of the graph convolution on the model; of an engine, says whether it was built for this machine.
    """
    import json
    from dataclasses import asdict

    from sdfl.runtime import doctor as checks
    from sdfl.runtime.machine import findings, fits, read_machine

    engine = Path(model) if model and model.endswith(".engine") else None
    machine, versions = read_machine(), checks.versions()
    rows = [_torch_operator(versions.get("torch", "")), *checks.implementations(None if engine else model)]
    about_engine = checks.engine_report(engine) if engine else ""
    if as_json:
        table = {
            "versions": versions,
            "machine": asdict(machine),
            "fits": fits(machine),
            "findings": [vars(finding) for finding in findings(machine)],
            "operator": [vars(row) for row in rows],
        } | ({"engine": about_engine} if engine else {})
        typer.echo(json.dumps(table, indent=2))
        return
    for name, value in [*versions.items(), *_lines(asdict(machine))]:
        typer.echo(f"{name:24} {value}")
    typer.echo("\nsdfl::SparseGraphConv, version 1")
    for row in rows:
        typer.echo(f"{row.runtime:14} {row.form:22} {row.version:20} {row.self_test}  {row.found_at}")
    typer.echo("\nfits this machine")
    for line in fits(machine):
        typer.echo(f"  {line}")
    if engine:
        typer.echo(f"\n{about_engine}")
    for finding in findings(machine):
        typer.echo(f"\nwrong: {finding.problem}\n  mend: {finding.mend}")


def _lines(machine: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What there is, one line each."""
    for name, value in machine.items():
        entries = value.items() if isinstance(value, dict) else [("", value)]
        for key, entry in entries:
            text = ", ".join(entry) if isinstance(entry, tuple) else f"{key} {entry}".strip()
            if name == "gstreamer":
                yield "opencv with GStreamer", "yes" if entry else "no"
            elif entry not in ("", (), 0) and not isinstance(entry, bool):
                yield name.replace("_", " "), text


def _torch_operator(version: str) -> Implementation:
    """The training side's form of the operator; the runtime itself never loads torch."""
    from sdfl.runtime.doctor import Implementation

    if not version:
        return Implementation("torch", "custom operator", "", "", "not run: torch is not installed")
    from sdfl.model import operator

    difference = operator.self_test()
    verdict = "passed" if difference <= 1e-5 else "failed"  # fp32 sums of three products
    return Implementation("torch", "custom operator", version, operator.__file__, f"{verdict}: {difference:.1e}")


def progress_of(
    source: FrameSource, max_frames: int | None, *, wanted: bool
) -> Callable[[Iterable[Frame]], Iterable[Frame]]:
    """A progress bar on standard error for a finite source; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=True)
    if source.live or not wanted or not console.is_terminal:
        return lambda frames: frames
    total = min(count for count in (source.num_frames, max_frames, sys.maxsize) if count is not None)
    return lambda frames: bar(
        frames, total=None if total == sys.maxsize else total, description=source.name, console=console, transient=True
    )


@contextmanager
def _text_out(path: Path) -> Iterator[TextIO]:
    """Standard output for "-", else a new file that keeps what was written before a failure or Ctrl-C."""
    from sdfl.files import recording_path

    if str(path) != "-":
        try:
            with recording_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                yield file
        except OSError as error:
            raise ConfigError(f"--jsonl {path}: cannot be written ({error.strerror})") from error
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
