# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""dlib's HOG detector and its 68-point regression trees. options["model"]: shape_predictor_68_face_landmarks.dat."""

import dlib
import numpy as np


class Peer:
    """See `host.py`."""

    layout = "ibug68"
    version = dlib.__version__
    note = "detects every frame; its 68-point file was trained on the test pictures of 300W, HELEN's among them"

    def __init__(self, options):
        self._detect = dlib.get_frontal_face_detector()
        self._shape = dlib.shape_predictor(options["model"])

    def detect(self, image):
        """Faces of a picture; a small one is enlarged, so that small faces are found."""
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        shapes = [self._shape(rgb, box) for box in self._detect(rgb, 1 if max(rgb.shape) < 600 else 0)]
        return [np.array([[point.x, point.y] for point in shape.parts()], float) for shape in shapes]

    def track(self, image, timestamp_s):  # noqa: ARG002
        """The face of a frame, detected again in each."""
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        boxes = self._detect(rgb, 0)
        return [np.array([[p.x, p.y] for p in self._shape(rgb, box).parts()], float) for box in list(boxes)[:1]]
