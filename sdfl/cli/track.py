"""sdfl track: landmarks of every frame as text or as a drawn video."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdfl.cli.factory import landmarker_factory
from sdfl.cli.many import Tracked, check_all_outputs, numbered, tracked_results
from sdfl.cli.options import (
    MANY_HELP,
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
from sdfl.cli.outputs import naming_what_is_kept, text_out
from sdfl.cli.progress import frame_progress

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.sources import FrameSource


def track(
    context: typer.Context,
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help=f"{SOURCE_HELP} {MANY_HELP}.")],
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
    from sdfl.pictures import MAX_PIXELS
    from sdfl.runtime.outputs.csv_rows import CsvWriter
    from sdfl.runtime.outputs.json_lines import to_json_line
    from sdfl.runtime.outputs.overlay import draw
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources import open_source
    from sdfl.runtime.sources.many import ManySources

    if jsonl is None and csv is None and save is None:
        jsonl = Path("-")
    saves = numbered(save, len(sources))
    check_all_outputs(sources, {"--jsonl": jsonl, "--csv": csv}, saves)
    with ExitStack() as stack:
        landmarker = stack.enter_context(
            landmarker_factory(context)(
                model, precision=precision, backend=backend, providers=providers, threads=threads,
                max_faces=max_faces, detector=detector, detection_threshold=detection_threshold, smoothing=smoothing,
            )
        )  # fmt: skip
        opened = [stack.enter_context(open_source(each, max_pixels=max_pixels or MAX_PIXELS)) for each in sources]
        lines = stack.enter_context(text_out("--jsonl", jsonl)) if jsonl else None
        rows = stack.enter_context(text_out("--csv", csv)) if csv else None
        table = CsvWriter(rows, landmarker.spec.num_points) if rows else None
        recorders = [stack.enter_context(Recorder(path, one.fps)) for path, one in zip(saves, opened, strict=False)]
        if len(opened) == 1:
            tracked = _results_of_one(opened[0], landmarker, max_frames, wants_bar=not (lines and lines.isatty()))
        else:
            many = stack.enter_context(ManySources(opened, max_frames=max_frames))
            tracked = tracked_results(many, landmarker)
        with naming_what_is_kept(recorders[0] if len(recorders) == 1 else None):
            for number, name, start_s, result in tracked:
                if lines:
                    print(to_json_line(result, start_s=start_s, source=name), file=lines, flush=opened[number].live)
                if table:
                    table.write(result, start_s=start_s, source=name)
                if recorders:
                    recorders[number].write(draw(result.frame.image, result.faces), result.frame.timestamp_s)


def _results_of_one(
    opened: FrameSource, landmarker: FaceLandmarker, max_frames: int | None, *, wants_bar: bool
) -> Iterator[Tracked]:
    """The results of a single source, whose name is not written."""
    from sdfl.runtime.results import results

    bar = frame_progress(opened, max_frames, wanted=wants_bar)
    start_s: float | None = None
    for result in results(opened, landmarker, frames=bar(itertools.islice(opened, max_frames))):
        start_s = result.frame.timestamp_s if start_s is None else start_s
        yield 0, None, start_s, result
