"""Face landmarks that keep their structure, on ordinary processors.

    from sdfl import FaceLandmarker

    with FaceLandmarker() as landmarker:
        faces = landmarker.detect("people.jpg")

`sdfl.runtime` runs models and needs no torch; `sdfl.model`, `sdfl.train` and `sdfl.convert` make them;
`sdfl.benchmarks` measures them. The modules beside this file are what these share.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Without this, ONNX Runtime (from 1.32 on) makes an id of the computer and looks up a host of Microsoft when it is
# loaded. It is set here, since packages beside ours may load it first. Whoever sets another value has chosen that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Without this, Windows' Media Foundation needs seconds to minutes to open a camera (opencv/opencv issue 17687).
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

if TYPE_CHECKING:
    __version__: str
    from sdfl.errors import SdflError
    from sdfl.pose import HeadPose, head_pose
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.outputs.overlay import draw
    from sdfl.runtime.sources import FrameSource, open_source
    from sdfl.types import Backend, Box, Detector, Face, Frame, Landmarks, Prediction

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

if not (Path(__file__).parent / "runtime").is_dir():
    raise ImportError(
        "the links sdfl/model, sdfl/runtime, ... are missing, or are text files; install the package (pip install .) "
        "or check them out: git config core.symlinks true && git checkout -- sdfl (on Windows in developer mode)"
    )


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name in _MODULES:
        return getattr(import_module(f"sdfl.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")


def _version() -> str:
    """Of the installed package; its one place is pyproject.toml."""
    from importlib import metadata

    try:
        return metadata.version("sdfl")
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
