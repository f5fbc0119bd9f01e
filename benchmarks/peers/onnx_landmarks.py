# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""Any ONNX landmark model: copy this file and change the lines of SIZE, `to_input` and `to_points`.

Faces are found by OpenCV's cascade. options["model"]: the .onnx file; as it stands, RGB 0..1, 112 px, points 0..1.
"""

import cv2
import numpy as np
import onnxruntime

SIZE, CROP_SCALE = 112, 1.2


def to_input(crop):
    """What the network takes, from a (SIZE, SIZE, 3) BGR crop."""
    return (crop[:, :, ::-1].astype(np.float32) / 255).transpose(2, 0, 1)[None]


def to_points(outputs):
    """(68, 2) crop px from the outputs of the network."""
    return outputs[-1].reshape(-1, 2) * SIZE


class Peer:
    """See `host.py`."""

    layout = "ibug68"
    version = onnxruntime.__version__
    note = "OpenCV's cascade every frame"

    def __init__(self, options):
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.get("threads") or 0
        self._session = onnxruntime.InferenceSession(options["model"], settings, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        folder = cv2.data.haarcascades
        self._cascade = cv2.CascadeClassifier(folder + "haarcascade_frontalface_default.xml")

    def detect(self, image):
        """Faces of a picture."""
        faces = []
        for x, y, side, _ in self._cascade.detectMultiScale(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 1.2, 3):
            scale = SIZE / (side * CROP_SCALE)
            centre = np.array([x + side / 2, y + side * 0.57])
            to_crop = np.column_stack([np.eye(2) * scale, SIZE / 2 - centre * scale])
            crop = cv2.warpAffine(image, to_crop, (SIZE, SIZE))
            points = to_points(self._session.run(None, {self._input: to_input(crop)}))
            faces.append((points - SIZE / 2) / scale + centre)
        return faces

    def network(self, batch):
        """The network alone, on black crops."""
        feed = {self._input: np.repeat(to_input(np.zeros((SIZE, SIZE, 3), np.uint8)), batch, axis=0)}
        return lambda: self._session.run(None, feed)
