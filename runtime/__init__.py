"""From pictures to tracked landmarks. Never imports torch.

from sdfl.runtime import FaceLandmarker

with FaceLandmarker(max_faces=2) as landmarker:
    for frame, faces in landmarker.track("0"):
        ...
"""

from sdfl.runtime.landmarker import FaceLandmarker
from sdfl.runtime.sources import FrameSource, default_source, open_source
from sdfl.runtime.tracker import FaceTracker

__all__ = ["FaceLandmarker", "FaceTracker", "FrameSource", "default_source", "open_source"]
