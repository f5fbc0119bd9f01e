"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Labelled = Annotated[Path, typer.Option("--data", help="Folder of pictures with .pts files, or a dataset's root.")]


Assignments = Annotated[list[str] | None, typer.Option("--set", help="Override one key: section.key=value.")]


Accelerator = Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, cpu, cuda.")]


DeviceCount = Annotated[str, typer.Option("--devices", help="How many, or auto.")]


Strategy = Annotated[str, typer.Option(help="As Lightning Fabric names it: auto, ddp.")]


SOURCE_HELP = "Camera index, video, picture, folder of pictures, URL, or 'sample'."


Model = Annotated[str | None, typer.Option(help="Model name, .onnx, .xml or .engine file; default: small_int8.")]


Backend = Annotated[str | None, typer.Option(help="openvino, onnxruntime or tensorrt; default: what the file is for.")]


Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; default: the back end's choice.")]


DetectorChoice = Annotated[
    str | None, typer.Option("--detector", help="yunet:FILE or sdfl:FILE in place of the built-in one.")
]


MaxFaces = Annotated[
    int | None,
    typer.Option(min=1, help="Maximum number of faces; default: every face in a picture, one in a video."),
]


Precision = Annotated[str | None, typer.Option(help="fp32, fp16 or int8, of a model of the package.")]


Smoothing = Annotated[bool, typer.Option("--smoothing/--no-smoothing", help="Steady the points of tracked faces.")]


Save = Annotated[Path | None, typer.Option(help="Also record a drawn video (.mp4, .avi, .mkv).")]


CAMERA_HELP = "Or 'browser': the camera of the browser that shows the page. Default: the first webcam."


MaxFrames = Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")]
