"""From pictures to tracked landmarks. Never imports torch.

from sdfl.runtime import FaceLandmarker

with FaceLandmarker(max_faces=2) as landmarker:
    for frame, faces in landmarker.track("0"):
        ...
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdfl.runtime.landmarker import FaceLandmarker
    from sdfl.runtime.sources import FrameSource, default_source, open_source
    from sdfl.runtime.tracking.tracker import FaceTracker

# Name -> module, loaded when first asked for: `sdfl doctor` must run where OpenCV cannot be imported.
_HOMES = {
    "FaceLandmarker": "landmarker",
    "FaceTracker": "tracking.tracker",
    "FrameSource": "sources",
    "default_source": "sources",
    "open_source": "sources",
}
__all__ = ["FaceLandmarker", "FaceTracker", "FrameSource", "default_source", "open_source"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"sdfl.runtime.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
