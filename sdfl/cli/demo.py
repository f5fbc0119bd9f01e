"""sdfl demo: tracked landmarks, live."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sdfl.cli.factory import landmarker_factory
from sdfl.cli.many import check_all_outputs, numbered
from sdfl.cli.options import (
    CAMERA_HELP,
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
from sdfl.cli.outputs import naming_what_is_kept
from sdfl.cli.progress import frame_progress

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker

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
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE...", help=f"{SOURCE_HELP} {CAMERA_HELP} {MANY_HELP} and shown in a grid."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="The same as an argument SOURCE.")] = None,
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
    from sdfl.runtime.live.grid import run_many
    from sdfl.runtime.live.pipeline import run
    from sdfl.runtime.live.switchboard import Switchboard
    from sdfl.runtime.outputs.video_file import Recorder
    from sdfl.runtime.sources import FrameSource, default_source, open_source
    from sdfl.runtime.sources.browser import BrowserSource
    from sdfl.runtime.sources.capture import CameraMode, camera_lines
    from sdfl.runtime.sources.many import ManySources
    from sdfl.runtime.sources.mirror import MirrorSource
    from sdfl.runtime.sources.replay import ReplaySource
    from sdfl.runtime.views import choose_view, open_view

    if list_cameras:
        typer.echo("\n".join(camera_lines()))
        return
    mode = CameraMode.parse(resolution, fps, mjpg=mjpg)
    named = [*(sources or ()), *([] if source is None else [source])]
    saves = numbered(save, max(1, len(named)))
    check_all_outputs(named, {}, saves)
    chosen = choose_view(view, host=host, port=port, token=not no_token, browser_camera="browser" in named)
    camera = BrowserSource() if "browser" in named else None

    def opened_source(name: str | None) -> FrameSource:
        if name == "browser":
            assert camera is not None, "it is named"
            found: FrameSource = camera
        elif name:
            found = open_source(name, mode=mode, max_pixels=max_pixels or MAX_PIXELS)
        else:
            found = default_source(mode=mode)
        return MirrorSource(found) if mirror else found

    model_options: dict[str, Any] = {
        "precision": precision, "backend": backend, "providers": providers, "threads": threads, "max_faces": max_faces,
        "detector": detector, "detection_threshold": detection_threshold, "smoothing": smoothing,
    }  # fmt: skip
    with ExitStack() as stack:
        new_landmarker = landmarker_factory(context)
        landmarker: Switchboard | FaceLandmarker = (
            Switchboard(model, new_landmarker=new_landmarker, **model_options)
            if len(named) < 2
            else new_landmarker(model, **model_options)
        )
        stack.callback(landmarker.close)
        opened = [stack.enter_context(opened_source(name)) for name in named or [None]]
        recorders = [stack.enter_context(Recorder(path, one.fps)) for path, one in zip(saves, opened, strict=False)]
        controls = landmarker if isinstance(landmarker, Switchboard) else None
        shown = open_view(chosen, host=host, port=port, token=not no_token, controls=controls, camera=camera)
        stack.callback(shown.close)
        with naming_what_is_kept(recorders[0] if len(recorders) == 1 else None):
            if isinstance(landmarker, Switchboard):
                bar = frame_progress(opened[0], max_frames, wanted=not shown.watched)
                summary = run(
                    opened[0], landmarker, shown, recorder=recorders[0] if recorders else None, max_frames=max_frames,
                    progress=lambda all_frames: landmarker.prepared(bar(all_frames)),
                )  # fmt: skip
            else:
                played = [
                    ReplaySource(o, again=o.loops and not saves) if shown.watched and not o.live else o for o in opened
                ]
                many = stack.enter_context(ManySources(played, max_frames=max_frames))
                summary = run_many(many, landmarker, shown, recorders=recorders)
    written = ", ".join(str(path) for path, one in zip(saves, recorders, strict=True) if one.frames_written)
    typer.echo(f"{summary}; saved {written}" if written else str(summary))
