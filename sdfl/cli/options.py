"""Options that several verbs share. The choices are those of the tables that the verbs look them up in (tested)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Labelled = Annotated[
    Path, typer.Option("--data", help="Folder of pictures with .pts label files, or root folder of a dataset.")
]

Split = Annotated[
    str | None,
    typer.Option(
        help="Part of a published dataset in its official files: wflw:test, wflw:test/pose, cofw:test, 300w:full "
        "and so on."
    ),
]

LabelledInAnyForm = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder of pictures with .pts label files, a label file (.txt, .csv, COCO .json), or with --split the "
        "root folder of a dataset.",
    ),
]

PEER_FORM = "NAME=PYTHON[,MODEL[,SETTING]]"  # of --peer

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one value of the recipe: section.key=value. May be repeated."),
]

Accelerator = Annotated[str, typer.Option(help="Device to train on: auto, cpu, cuda or another of Lightning Fabric's.")]

DeviceCount = Annotated[str, typer.Option("--devices", help="Number of devices, or auto.")]

Strategy = Annotated[str, typer.Option(help="How to use several devices: auto, ddp or another of Lightning Fabric's.")]

SOURCE_HELP = "Camera number, video, picture, folder of pictures, URL, or 'sample' for a built-in clip."

MANY_HELP = "Several are tracked at the same time"

CAMERA_HELP = "'browser' takes the camera of the browser that shows the page. Default: the first webcam."

Model = Annotated[
    str | None,
    typer.Option(
        help="Name of a model (see sdfl zoo list), or an .onnx, .xml, .engine or .tflite file. Default: small."
    ),
]

Precision = Annotated[
    Literal["fp32", "fp16", "int8"] | None,
    typer.Option(help="Precision of a model that is given by its name. Default: the fastest without loss of accuracy."),
]

Backend = Annotated[
    Literal["openvino", "onnxruntime", "tensorrt", "litert"] | None,
    typer.Option(
        help="Library that runs the model. Default: the fastest that is installed and computes the right points here."
    ),
]

Providers = Annotated[
    list[str] | None,
    typer.Option(
        "--provider",
        help="What ONNX Runtime computes on: cpu, coreml, cuda, directml, openvino, qnn, tensorrt or xnnpack, as far "
        "as the installed one has it. May be repeated, the preferred first.",
    ),
]

Threads = Annotated[int | None, typer.Option(min=1, help="Number of CPU threads. Default: the library's choice.")]

MaxFaces = Annotated[
    int | None,
    typer.Option(min=1, help="Maximum number of faces. Default: 1 in a video, all in pictures."),
]


def _check_detector(choice: str | None) -> str | None:
    """Refuse a detector of a wrong form or kind before anything is opened."""
    from sdfl.errors import ConfigError
    from sdfl.runtime.detector import parse_detector

    try:
        if choice is not None:
            parse_detector(choice)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from error
    return choice


DetectorChoice = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="KIND:FILE",
        callback=_check_detector,
        help="Face detector from a file, sdfl:FILE or yunet:FILE. Default: the built-in one.",
    ),
]

DetectionThreshold = Annotated[
    float | None,
    typer.Option(
        help="Score above which the face detector takes something for a face, 0 to 1. A lower one finds more faces, "
        "and more that are none. Default: the detector's own."
    ),
]

Smoothing = Annotated[
    bool, typer.Option("--smoothing/--no-smoothing", help="Reduce the jitter of the points of tracked faces.")
]

MaxPixels = Annotated[
    int | None,
    typer.Option(
        min=1, help="Refuse pictures of more pixels, before they are decoded. Default: 100000000 (100 megapixels)."
    ),
]

Save = Annotated[
    Path | None,
    typer.Option(
        help="Also write a video with the landmarks drawn (.mp4, .avi, .mkv). With several sources: "
        "one each, NAME-1.mp4, NAME-2.mp4 and so on.",
    ),
]

MaxFrames = Annotated[
    int | None, typer.Option("--frames", min=1, help="Stop after this number of frames of each source.")
]
