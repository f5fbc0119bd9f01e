# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""MediaPipe FaceMesh (468 points, 192 px) as 68 points. Runs where `mediapipe==0.10.21` is installed.

MAP is the usual choice of the mesh point nearest to each of the 68. Contour and mouth mean something else there (the
mesh ends above the jaw line), so comparisons use points 17 to 47: brows, nose and eyes.
"""

import cv2
import mediapipe
import numpy as np

# fmt: off
MAP = [
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301,
    168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
]
# fmt: on


class Peer:
    layout = "ibug68"
    version = mediapipe.__version__
    note = "468 points mapped to 68; its own detector and tracker"

    def __init__(self, options):  # noqa: ARG002
        mesh = mediapipe.solutions.face_mesh.FaceMesh
        self._make = lambda still: mesh(static_image_mode=still, max_num_faces=4 if still else 1)
        self._still, self._video = self._make(True), self._make(False)

    def detect(self, image):
        return _points(self._still, image)

    def track(self, image):
        return _points(self._video, image)

    def reset(self):
        self._video.close()
        self._video = self._make(False)


def _points(mesh, image):
    found = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks or []
    size = np.array([image.shape[1], image.shape[0]])
    return [np.array([[face.landmark[i].x, face.landmark[i].y] for i in MAP]) * size - 0.5 for face in found]
