"""Face landmarks that keep their structure, on ordinary processors.

    from sdfl import FaceLandmarker

    with FaceLandmarker() as landmarker:
        faces = landmarker.detect("people.jpg")

`sdfl.runtime` runs models and needs no torch; `sdfl.model`, `sdfl.train` and `sdfl.convert` make them;
`sdfl.benchmarks` measures them. The modules beside this file are what these share.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdfl.errors import SdflError
    from sdfl.pose import HeadPose, head_pose
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.outputs.overlay import draw
    from sdfl.runtime.sources import FrameSource, open_source
    from sdfl.types import Backend, Box, Detector, Face, Frame, Landmarks, Prediction

__version__ = "0.1.0"

# Name -> module, loaded when first asked for: `sdfl doctor` must run where OpenCV cannot be imported.
_MODULES = {
    "Backend": "types",
    "Box": "types",
    "Detector": "types",
    "Face": "types",
    "FaceLandmarker": "runtime.landmarker",
    "Frame": "types",
    "FrameSource": "runtime.sources",
    "HeadPose": "pose",
    "Landmarks": "types",
    "Prediction": "types",
    "SdflError": "errors",
    "draw": "runtime.outputs.overlay",
    "head_pose": "pose",
    "open_source": "runtime.sources",
}
__all__ = [
    "Backend",
    "Box",
    "Detector",
    "Face",
    "FaceLandmarker",
    "Frame",
    "FrameSource",
    "HeadPose",
    "Landmarks",
    "Prediction",
    "SdflError",
    "draw",
    "head_pose",
    "open_source",
]

if (Path(__file__).parent / "runtime").is_file():
    raise ImportError(
        "this checkout has text files in place of the links sdfl/model, sdfl/runtime, ...; run "
        "`git config core.symlinks true && git checkout -- sdfl` (on Windows with developer mode on), or install the "
        "package: pip install ."
    )


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"sdfl.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
