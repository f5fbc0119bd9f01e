"""sdfl track: landmarks of every frame as text or as a drawn video."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from sdfl.cli.factory import landmarker_factory
from sdfl.cli.options import (
    SOURCE_HELP,
    Backend,
    DetectionThreshold,
    DetectorChoice,
    MaxFaces,
    MaxFrames,
    MaxPixels,
    Model,
    Precision,
    Providers,
    Save,
    Smoothing,
    Threads,
)
from sdfl.cli.outputs import check_outputs, naming_what_is_kept, text_out
from sdfl.cli.progress import frame_progress


def track(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    providers: Providers = None,
    threads: Threads = None,
    max_faces: MaxFaces = None,
    detector: DetectorChoice = None,
    detection_threshold: DetectionThreshold = None,
    smoothing: Smoothing = True,
    max_frames: MaxFrames = None,
    max_pixels: MaxPixels = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            help="Write one JSON object per frame to this file, - for standard output. "
            "Default: standard output, if neither --csv nor --save is given."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write one CSV row per face to this file.")] = None,
    save: Save = None,
) -> None:
    """Track faces in a video or pictures; write landmarks, head pose and openness of eyes and mouth of each frame."""
    import itertools

    from sdfl.pictures import MAX_PIXELS
    from sdfl.runtime.outputs.csv_rows import CsvWriter
    from sdfl.runtime.outputs.json_lines import to_json_line
    from sdfl.runtime.outputs.overlay import draw
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.results import results
    from sdfl.runtime.sources import open_source

    if jsonl is None and csv is None and save is None:
        jsonl = Path("-")
    check_outputs(source, {"--jsonl": jsonl, "--csv": csv, "--save": save})
    with ExitStack() as stack:
        landmarker = stack.enter_context(
            landmarker_factory(context)(
                model, precision=precision, backend=backend, providers=providers, threads=threads,
                max_faces=max_faces, detector=detector, detection_threshold=detection_threshold, smoothing=smoothing,
            )
        )  # fmt: skip
        opened = stack.enter_context(open_source(source, max_pixels=max_pixels or MAX_PIXELS))
        lines = stack.enter_context(text_out("--jsonl", jsonl)) if jsonl else None
        rows = stack.enter_context(text_out("--csv", csv)) if csv else None
        table = CsvWriter(rows, landmarker.spec.num_points) if rows else None
        recorder = stack.enter_context(Recorder(save, opened.fps)) if save else None
        bar = frame_progress(opened, max_frames, wanted=not (lines and lines.isatty()))
        start_s: float | None = None
        with naming_what_is_kept(recorder):
            for result in results(opened, landmarker, frames=bar(itertools.islice(opened, max_frames))):
                start_s = result.frame.timestamp_s if start_s is None else start_s
                if lines:
                    print(to_json_line(result, start_s=start_s), file=lines, flush=opened.live)
                if table:
                    table.write(result, start_s=start_s)
                if recorder:
                    recorder.write(draw(result.frame.image, result.faces), result.frame.timestamp_s)
