# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""MediaPipe FaceLandmarker (478 points) as 68 points. Runs where `mediapipe==1.2.2` is installed.

options["model"]: its face_landmarker.task. It smooths its points only if one face is asked for; options["setting"]
"several" always asks for at least two.
"""

import runpy
from pathlib import Path

import cv2
import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks

MAP = runpy.run_path(str(Path(__file__).with_name("mesh68.py")))["MAP"]


class Peer:
    """See `host.py`."""

    layout = "ibug68"
    version = mediapipe.__version__
    note = "478 points mapped to 68; its own detector and tracker"

    def __init__(self, options):
        self._model, self._least = options["model"], 2 if options.get("setting") == "several" else 1
        self._still, self._video = None, self._make("VIDEO", 1)

    def detect(self, image):
        """Faces of a picture."""
        self._still = self._still or self._make("IMAGE", 4)
        return _points(self._still.detect(_rgb(image)), image)

    def track(self, image, timestamp_s):
        """Faces of the next frame."""
        return _points(self._video.detect_for_video(_rgb(image), round(timestamp_s * 1000)), image)

    def reset(self, max_faces):
        """Begin a new video."""
        self._video.close()
        self._video = self._make("VIDEO", max_faces)

    def _make(self, mode, max_faces):
        options = tasks.vision.FaceLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=self._model),
            running_mode=getattr(tasks.vision.RunningMode, mode),
            num_faces=max(max_faces, self._least),
        )
        return tasks.vision.FaceLandmarker.create_from_options(options)


def _rgb(image):
    return mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def _points(result, image):
    size = np.array([image.shape[1], image.shape[0]])
    return [np.array([[face[i].x, face[i].y] for i in MAP]) * size - 0.5 for face in result.face_landmarks]
