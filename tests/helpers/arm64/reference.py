"""What the Arm processor is compared with: pictures, and what ONNX Runtime makes of them on this computer."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from arm64 import on_arm
from sdfl.artifacts.model_file import read_spec
from sdfl.errors import SdflError
from sdfl.geometry import CROP_SCALE, evaluation_crop, landmark_box, square_around
from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.sources.sample import SampleSource
from sdfl.runtime.zoo import zoo_models
from sdfl.types import FloatArray

LIBRARY = "onnxruntime"
FRAMES = (0, 100, 200)  # of the sample clip: the face in three sizes and places
TRACKED_FRAMES = 3
SDFL = ("-c", "import sys; from sdfl.cli import main; sys.argv[0] = 'sdfl'; main()")
EXACT = ("--precision", "fp32", "--backend", LIBRARY)


def make_reference(folder: Path) -> None:
    """Write crops, frames, points, boxes and a tracked clip into a new `folder`, which is whole or missing.

    Raises:
        SdflError: scikit-image is missing, or `sdfl track` fails.
    """
    making = folder.with_name(f"{folder.name}.making")
    for old in (making, folder):
        shutil.rmtree(old, ignore_errors=True)
    making.mkdir(parents=True)
    frames = [frame.image for frame in islice(SampleSource(), max(FRAMES) + 1) if frame.index in FRAMES]
    np.save(making / "frames.npy", frames)
    on_arm.boxes(str(making / "frames.npy"), str(making / "boxes.npz"))
    with FaceLandmarker("large", precision="fp32", backend=LIBRARY, max_faces=1) as landmarker:
        faces = [np.asarray(landmarker.detect(frame)[0].landmarks) for frame in frames]
    for name, path in zoo_models().items():
        size = read_spec(path).input_size
        crops = [evaluation_crop(frame, face, size).image for frame, face in zip(frames, faces, strict=True)]
        np.save(making / f"crops_{name}.npy", crops)
        on_arm.points(name, LIBRARY, str(making / f"crops_{name}.npy"), str(making / f"points_{name}.npz"))
    done = subprocess.run(
        [sys.executable, *SDFL, *track(making / "clip.jsonl", *EXACT)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SdflError(f"sdfl track failed here: {' '.join(done.stderr.split())}")
    about = {"machine": platform.machine(), "library": LIBRARY}
    (making / "about.json").write_text(json.dumps(about))
    making.rename(folder)


def track(out: Path, *more: str) -> list[str]:
    """The arguments of `sdfl` that track the first frames of the sample clip into a JSON lines file."""
    return ["track", "sample", "--frames", str(TRACKED_FRAMES), "--jsonl", str(out), *more]


def read_track(path: Path) -> FloatArray:
    """The points of the one face in every frame, (frames, N, 2) px; no frame has none.

    Raises:
        SdflError: a frame has no face.
    """
    frames: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for frame in frames:
        if not frame["faces"]:
            raise SdflError(f"no face in frame {frame['frame']}")
    return np.array([frame["faces"][0]["points"] for frame in frames], np.float32)


def crop_sides(points: FloatArray) -> FloatArray:
    """(frames, N, 2) px -> (frames, 1) px: the side of the crop around the points of each frame."""
    return np.array([[square_around(landmark_box(each), CROP_SCALE)[1]] for each in points], np.float32)
