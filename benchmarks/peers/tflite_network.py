# mypy: ignore-errors
# It runs in an environment of its own, where its imports are.
"""Any .tflite network alone, on random input: its time, not its points. It needs `ai-edge-litert`.

MediaPipe's landmark network lies in its wheel: mediapipe/modules/face_landmark/face_landmark.tflite (192 px).
"""

from importlib import metadata

import numpy as np
from ai_edge_litert.interpreter import Interpreter


class Peer:
    """See `host.py`."""

    layout = "ibug68"
    version = metadata.version("ai-edge-litert")
    note = "the network alone, XNNPACK"

    def __init__(self, options):
        self._interpreter = Interpreter(options["model"], num_threads=options.get("threads") or 1)

    def network(self, batch):
        """The network alone, on random input."""
        if batch != 1:
            raise ValueError("the file holds a network for one picture at a time")
        self._interpreter.allocate_tensors()
        entry = self._interpreter.get_input_details()[0]
        values = np.random.default_rng(0).random(entry["shape"]).astype(entry["dtype"])
        self._interpreter.set_tensor(entry["index"], values)
        return self._interpreter.invoke
