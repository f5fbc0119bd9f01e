"""sdfl demo: tracked landmarks, live."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass
from sdfl.cli.options import (
    CAMERA_HELP,
    SOURCE_HELP,
    Backend,
    DetectorChoice,
    MaxFaces,
    MaxFrames,
    Model,
    Precision,
    Save,
    Smoothing,
    Threads,
)
from sdfl.cli.outputs import check_outputs, what_is_kept
from sdfl.cli.progress import frame_progress


def demo(
    source: Annotated[str | None, typer.Option(help=f"{SOURCE_HELP} {CAMERA_HELP}")] = None,
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    threads: Threads = None,
    max_faces: MaxFaces = None,
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
    from sdfl.runtime.live.pipeline import run
    from sdfl.runtime.live.switchboard import Switchboard
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources import default_source, open_source
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
                model, precision=precision, backend=backend, threads=threads, max_faces=max_faces,
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
        bar = frame_progress(frames, max_frames, wanted=not shown.watched)
        with what_is_kept(recorder):
            summary = run(
                frames, landmarker, shown, recorder=recorder, max_frames=max_frames,
                progress=lambda all_frames: landmarker.prepared(bar(all_frames)),
            )  # fmt: skip
    typer.echo(f"{summary}; saved {save}" if recorder and recorder.frames_written else str(summary))
