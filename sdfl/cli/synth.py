"""sdfl synth: render faces with exact landmark labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sdfl.errors import ConfigError, MissingDependency


def synth(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for pictures, labels and lists.")],
    count: Annotated[int, typer.Option(help="Number of faces that the folder holds in the end.")] = 0,
    clips: Annotated[int, typer.Option(help="Number of video clips that the folder holds in the end.")] = 0,
    seed: Annotated[int, typer.Option(help="Decides all faces; another seed gives other people.")] = 0,
    assets: Annotated[Path, typer.Option(help="Folder with checkouts of ICT-FaceKit and makehuman-assets.")] = Path(
        "assets"
    ),
    backgrounds: Annotated[
        Path | None, typer.Option(help="Folder of pictures for half of the backgrounds; they should show no faces.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Number of processes that render, each with one thread.")] = 1,
    size: Annotated[int, typer.Option(help="Side of the pictures in pixels. Clips have 640 x 480.")] = 256,
) -> None:
    """Render faces with exact labels of 68 and 98 points, for training.

    A run that was ended continues where it stopped when it is started again with the same options.
    """
    if not count and not clips:
        raise ConfigError("give --count for pictures, --clips for videos, or both")
    try:
        from sdfl.train.synthetic.clips import generate_clips
        from sdfl.train.synthetic.generate import LISTS, Plan, generate
    except ModuleNotFoundError as error:
        raise MissingDependency(error.name or "scipy", extra="synth") from error
    from sdfl.cli.progress import progress

    plan = Plan(seed, size, str(backgrounds or ""))
    if count:
        made = generate(out, count, plan, assets, workers=workers, progress=progress("rendering"))
        typer.echo(f"{out / LISTS[68]}: {count} faces, {made} of them new; a list for data.train of a recipe")
    if clips:
        made = generate_clips(out, clips, plan, assets, workers=workers, progress=progress("rendering"))
        typer.echo(f"{out / 'clips'}: {clips} clips, {made} of them new")
