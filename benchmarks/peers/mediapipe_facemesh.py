# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""MediaPipe FaceMesh (468 points, 192 px) as 68 points. Runs where `mediapipe==0.10.21` is installed.

options["setting"]: "refined" adds its attention network for lips and eyes.
"""

import runpy
from pathlib import Path

import cv2
import mediapipe
import numpy as np

MAP = runpy.run_path(str(Path(__file__).with_name("mesh68.py")))["MAP"]


class Peer:
    """See `host.py`."""

    layout = "ibug68"
    version = mediapipe.__version__
    note = "468 points mapped to 68; its own detector and tracker"

    def __init__(self, options):
        mesh, refined = mediapipe.solutions.face_mesh.FaceMesh, options.get("setting") == "refined"
        self._make = lambda still, count: mesh(static_image_mode=still, max_num_faces=count, refine_landmarks=refined)
        self._still, self._video = None, self._make(False, 1)

    def detect(self, image):
        """Faces of a picture."""
        self._still = self._still or self._make(True, 4)
        return _points(self._still, image)

    def track(self, image, timestamp_s):  # noqa: ARG002
        """Faces of the next frame."""
        return _points(self._video, image)

    def reset(self, max_faces):
        """Begin a new video."""
        self._video.close()
        self._video = self._make(False, max_faces)


def _points(mesh, image):
    found = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks or []
    size = np.array([image.shape[1], image.shape[0]])
    return [np.array([[face.landmark[i].x, face.landmark[i].y] for i in MAP]) * size - 0.5 for face in found]
