"""sdfl label-videos: an archive of videos as one Parquet dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdfl.cli.options import (
    Backend,
    DetectionThreshold,
    DetectorChoice,
    Model,
    Precision,
    Smoothing,
)

if TYPE_CHECKING:
    from sdfl.runtime.archive.run import Summary


def label_videos(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Videos, folders with what lies below them, lists (.txt, one path on each line), or addresses of "
            "buckets (s3://, gs://, hdfs://).",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DATASET", help="Folder of the dataset, which every computer must see."),
    ],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Videos to label at a time. Default: one for each processor.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use a running Ray cluster: host:port, or auto for the one that this computer belongs to. Default: "
            "this computer alone.",
        ),
    ] = None,
    segment: Annotated[
        float | None,
        typer.Option(
            min=0.5, metavar="MINUTES", help="Cut longer videos into segments of this length, for several workers."
        ),
    ] = None,
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    threads: Annotated[int, typer.Option(min=1, help="Number of CPU threads of each worker.")] = 1,
    max_faces: Annotated[int, typer.Option(min=1, help="Maximum number of faces in a frame.")] = 1,
    detector: DetectorChoice = None,
    detection_threshold: DetectionThreshold = None,
    smoothing: Smoothing = True,
) -> None:
    """Label an archive of videos on all processors of a computer or cluster, as one Parquet dataset.

    Every video is labelled once: a later start skips what is done, and labels what is new or has changed. A damaged
    video becomes a row of `failures.parquet`, and the exit code is 1.
    """
    from sdfl.cli.archive_progress import shown_progress, summary_line
    from sdfl.runtime.archive.cluster import connected
    from sdfl.runtime.archive.rows import load_pyarrow
    from sdfl.runtime.archive.run import label_videos as run
    from sdfl.runtime.archive.settings import settle
    from sdfl.runtime.archive.videos import find_videos

    load_pyarrow()
    videos = find_videos(sources)
    settings, options = settle(
        model, precision=precision, backend=backend, threads=threads, max_faces=max_faces, detector=detector,
        detection_threshold=detection_threshold, smoothing=smoothing, segment_s=segment and segment * 60,
    )  # fmt: skip
    with connected(cluster, workers) as engine, shown_progress(engine.doing) as told:
        summary: Summary = run(videos, out, settings, options, engine.schedule, told=told)
    typer.echo(summary_line(summary, out), err=True)
    if summary.failed:
        raise typer.Exit(1)
