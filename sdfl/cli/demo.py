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
    from sdfl.runtime.doctor.operator_check import Implementation
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources import FrameSource
    from sdfl.types import Frame

SOURCE_HELP = "Camera index, video, picture, folder of pictures, URL, or 'sample'."
Model = Annotated[str | None, typer.Option(help="Model name, .onnx, .xml or .engine file; default: small_int8.")]
Backend = Annotated[str | None, typer.Option(help="openvino, onnxruntime or tensorrt; default: what the file is for.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: the back end's choice.")]
DetectorChoice = Annotated[
    str | None, typer.Option("--detector", help="yunet:FILE or sdfl:FILE in place of the built-in one.")
]
MaxFaces = Annotated[int, typer.Option(min=1, help="Follow at most so many faces.")]
Precision = Annotated[str | None, typer.Option(help="fp32, fp16 or int8, of a model of the package.")]
Smoothing = Annotated[bool, typer.Option("--smoothing/--no-smoothing", help="Steady the points of tracked faces.")]
Save = Annotated[Path | None, typer.Option(help="Also record a drawn video (.mp4, .avi, .mkv).")]
CAMERA_HELP = "Or 'browser': the camera of the browser that shows the page. Default: the first webcam."
MaxFrames = Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")]


def demo(
    source: Annotated[str | None, typer.Option(help=f"{SOURCE_HELP} {CAMERA_HELP}")] = None,
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    threads: Threads = None,
    max_faces: MaxFaces = 1,
    detector: DetectorChoice = None,
    smoothing: Smoothing = True,
    save: Save = None,
    view: Annotated[str | None, typer.Option(help="window, browser or none; default: what this computer has.")] = None,
    host: Annotated[str | None, typer.Option(help="Address for the browser view; default: this computer only.")] = None,
    resolution: Annotated[str | None, typer.Option(help="Of a camera, such as 1280x720.")] = None,
    fps: Annotated[float | None, typer.Option(help="Pictures a second to ask a camera for.")] = None,
    mjpg: Annotated[bool, typer.Option("--mjpg", help="Ask a camera for MJPG, which many need above 640x480.")] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Left and right exchanged, also in what is saved.")] = False,
    list_cameras: Annotated[bool, typer.Option("--list-cameras", help="Only print the cameras there are.")] = False,
    max_frames: MaxFrames = None,
) -> None:
    """Show tracked landmarks live: in a window, in the browser, or only as a recording."""
    from sdfl.runtime import default_source, open_source
    from sdfl.runtime.live.pipeline import run
    from sdfl.runtime.live.switchboard import Switchboard
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources.browser import BrowserSource
    from sdfl.runtime.sources.capture import CameraMode, camera_lines
    from sdfl.runtime.sources.mirror import MirrorSource
    from sdfl.runtime.views import open_view

    if list_cameras:
        typer.echo("\n".join(camera_lines()))
        return
    mode = CameraMode.parse(resolution, fps, mjpg=mjpg)
    check_outputs(source or "", {"--save": save})
    with ExitStack() as stack:
        landmarker = stack.enter_context(
            Switchboard(
                _model_file(model, precision), backend=backend, threads=threads, max_faces=max_faces,
                detector=detector, smoothing=smoothing,
            )
        )  # fmt: skip
        camera = BrowserSource() if source == "browser" else None
        opened = stack.enter_context(
            camera or (open_source(source, mode=mode) if source else default_source(mode=mode))
        )
        frames = MirrorSource(opened) if mirror else opened
        recorder = stack.enter_context(Recorder(save, frames.fps)) if save else None
        shown = open_view(view, host=host, board=landmarker, camera=camera)
        stack.callback(shown.close)
        bar = progress_of(frames, max_frames, wanted=not shown.watched)
        with _what_is_kept(recorder):
            summary = run(
                frames, landmarker, shown, recorder=recorder, max_frames=max_frames,
                progress=lambda all_frames: landmarker.prepared(bar(all_frames)),
            )  # fmt: skip
    typer.echo(f"{summary}; saved {save}" if recorder and recorder.frames_written else str(summary))


def track(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    threads: Threads = None,
    max_faces: MaxFaces = 1,
    detector: DetectorChoice = None,
    smoothing: Smoothing = True,
    max_frames: MaxFrames = None,
    jsonl: Annotated[
        Path | None, typer.Option(help="JSON lines, - for standard output, which is the default without the next two.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write one row a face to this file.")] = None,
    save: Save = None,
) -> None:
    """Write landmarks, head pose and openness of eyes and mouth of every frame, as JSON lines, CSV or drawn video."""
    import itertools

    from sdfl.runtime import FaceLandmarker, open_source
    from sdfl.runtime.live.pipeline import results
    from sdfl.runtime.outputs.json_lines import CsvWriter, to_json_line
    from sdfl.runtime.outputs.overlay import draw
    from sdfl.runtime.outputs.video_file import Recorder

    if jsonl is None and csv is None and save is None:
        jsonl = Path("-")
    check_outputs(source, {"--jsonl": jsonl, "--csv": csv, "--save": save})
    with ExitStack() as stack:
        landmarker = stack.enter_context(
            FaceLandmarker(
                _model_file(model, precision), backend=backend, threads=threads, max_faces=max_faces,
                detector=detector, smoothing=smoothing,
            )
        )  # fmt: skip
        opened = stack.enter_context(open_source(source))
        lines = stack.enter_context(_text_out("--jsonl", jsonl)) if jsonl else None
        rows = stack.enter_context(_text_out("--csv", csv)) if csv else None
        table = CsvWriter(rows, landmarker.spec.num_points) if rows else None
        recorder = stack.enter_context(Recorder(save, opened.fps)) if save else None
        bar = progress_of(opened, max_frames, wanted=not (lines and lines.isatty()))
        start_s: float | None = None
        with _what_is_kept(recorder):
            for result in results(opened, landmarker, frames=bar(itertools.islice(opened, max_frames))):
                start_s = result.frame.timestamp_s if start_s is None else start_s
                if lines:
                    print(to_json_line(result, start_s=start_s), file=lines, flush=opened.live)
                if table:
                    table.write(result, start_s=start_s)
                if recorder:
                    recorder.write(draw(result.frame.image, result.faces), result.frame.timestamp_s)


def check_outputs(source: str, outputs: dict[str, Path | None]) -> None:
    """outputs: option -> file. Raises ConfigError where one would replace the source or another one."""
    from sdfl.files import is_special

    taken = {Path(source).resolve(): "the source"} if Path(source).exists() else {}
    for option, path in outputs.items():
        if path is None or str(path) == "-" or is_special(path):
            continue
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise ConfigError(f"{option} {path}: is {other} too; choose another name")


def _model_file(model: str | None, precision: str | None) -> Path | str | None:
    """The model to open; without a precision the landmarker chooses."""
    from sdfl.runtime.zoo import resolve_model

    return model if precision is None else resolve_model(model, precision)


@contextmanager
def _what_is_kept(recorder: Recorder | None) -> Iterator[None]:
    """Adds to an error how much of a recording there is."""
    try:
        yield
    except SdflError as error:
        kept = f"; {recorder.frames_written} frames are kept in {recorder.path}" if recorder else ""
        raise type(error)(f"{error}{kept}") from error


def doctor(
    model: Annotated[str | None, typer.Option(help="Model name, .onnx or .engine file; default: small.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What is installed and what fits this machine, what is wrong and the command that mends it.

    Runs every form of the graph convolution on the model; of an engine, says whether it was built for this machine.
    """
    import json
    from dataclasses import asdict

    from sdfl.runtime.doctor import operator_check as checks
    from sdfl.runtime.doctor.machine import findings, fits, read_machine

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
    from sdfl.runtime.doctor.operator_check import Implementation

    if not version:
        return Implementation("torch", "custom operator", "", "", "not run: torch is not installed")
    from sdfl.model.landmarks import sparse_graph_conv as operator

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
def _text_out(option: str, path: Path) -> Iterator[TextIO]:
    """Standard output for "-", else a new file that keeps what was written before a failure or Ctrl-C."""
    from sdfl.files import recording_path

    if str(path) != "-":
        try:
            with recording_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                yield file
        except BrokenPipeError:  # of standard output, which is written beside this file
            raise
        except OSError as error:
            raise ConfigError(f"{option} {path}: cannot be written ({error.strerror})") from error
        return
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
