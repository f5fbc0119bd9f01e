"""sdfl demo: tracked landmarks, live."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Literal

import typer

from sdfl.cli.factory import landmarker_factory
from sdfl.cli.options import (
    CAMERA_HELP,
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
from sdfl.cli.outputs import check_outputs, naming_what_is_kept
from sdfl.cli.progress import frame_progress

View = Annotated[
    Literal["window", "browser", "none"] | None,
    typer.Option(help="Where to show the result. Default: a window where there is a display, else the browser."),
]
Host = Annotated[
    str | None,
    typer.Option(help="Address that the browser view listens on. Default: 127.0.0.1, this computer only."),
]
Port = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, help="Port that the browser view listens on, 0 for any free one. Default: 8000 if it is free."
    ),
]
NoToken = Annotated[
    bool,
    typer.Option(
        "--no-token",
        help="Let everybody who can connect use the browser view, other users of this computer too, not only those who "
        "have the printed address.",
    ),
]


def demo(
    context: typer.Context,
    source: Annotated[str | None, typer.Option(help=f"{SOURCE_HELP} {CAMERA_HELP}")] = None,
    model: Model = None,
    precision: Precision = None,
    backend: Backend = None,
    providers: Providers = None,
    threads: Threads = None,
    max_faces: MaxFaces = None,
    detector: DetectorChoice = None,
    detection_threshold: DetectionThreshold = None,
    smoothing: Smoothing = True,
    save: Save = None,
    view: View = None,
    host: Host = None,
    port: Port = None,
    no_token: NoToken = False,
    resolution: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Ask the camera for this resolution, such as 1280x720.")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Ask the camera for this number of frames per second.")] = None,
    mjpg: Annotated[
        bool, typer.Option("--mjpg", help="Ask the camera for MJPG, which many need for more than 640x480.")
    ] = False,
    mirror: Annotated[bool, typer.Option("--mirror", help="Swap left and right, in the saved video too.")] = False,
    list_cameras: Annotated[
        bool, typer.Option("--list-cameras", help="List the cameras of this computer and exit.")
    ] = False,
    max_frames: MaxFrames = None,
    max_pixels: MaxPixels = None,
) -> None:
    """Track faces live and show their landmarks, in a window or in the browser."""
    from sdfl.pictures import MAX_PIXELS
    from sdfl.runtime.live.pipeline import run
    from sdfl.runtime.live.switchboard import Switchboard
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources import default_source, open_source
    from sdfl.runtime.sources.browser import BrowserSource
    from sdfl.runtime.sources.capture import CameraMode, camera_lines
    from sdfl.runtime.sources.mirror import MirrorSource
    from sdfl.runtime.views import choose_view, open_view

    if list_cameras:
        typer.echo("\n".join(camera_lines()))
        return
    mode = CameraMode.parse(resolution, fps, mjpg=mjpg)
    check_outputs(source or "", {"--save": save})
    chosen = choose_view(view, host=host, port=port, token=not no_token, browser_camera=source == "browser")
    with ExitStack() as stack:
        landmarker = stack.enter_context(
            Switchboard(
                model, precision=precision, backend=backend, providers=providers, threads=threads,
                max_faces=max_faces, detector=detector, detection_threshold=detection_threshold, smoothing=smoothing,
                new_landmarker=landmarker_factory(context),
            )
        )  # fmt: skip
        camera = BrowserSource() if source == "browser" else None
        opened = stack.enter_context(
            camera
            or (
                open_source(source, mode=mode, max_pixels=max_pixels or MAX_PIXELS)
                if source
                else default_source(mode=mode)
            )
        )
        frames = MirrorSource(opened) if mirror else opened
        recorder = stack.enter_context(Recorder(save, frames.fps)) if save else None
        shown = open_view(chosen, host=host, port=port, token=not no_token, controls=landmarker, camera=camera)
        stack.callback(shown.close)
        bar = frame_progress(frames, max_frames, wanted=not shown.watched)
        with naming_what_is_kept(recorder):
            summary = run(
                frames, landmarker, shown, recorder=recorder, max_frames=max_frames,
                progress=lambda all_frames: landmarker.prepared(bar(all_frames)),
            )  # fmt: skip
    typer.echo(f"{summary}; saved {save}" if recorder and recorder.frames_written else str(summary))
