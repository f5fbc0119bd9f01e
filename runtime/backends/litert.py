"""LiteRT (the successor of TensorFlow Lite) on the CPU, for the .tflite files that `sdfl build --target litert` makes.

The same files run on Android and iOS; here they run on computers, a Raspberry Pi among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sdfl.artifacts.model_file import read_spec
from sdfl.artifacts.names import INPUT, OUTPUTS
from sdfl.artifacts.self_test import EXACT, INTEGER, require_right
from sdfl.checks import require_count
from sdfl.errors import MissingDependency
from sdfl.runtime.backends.base import Closable, check_crops, refused
from sdfl.runtime.backends.self_test import deviations
from sdfl.types import Image, Prediction

NAME = "LiteRT"


class LiteRtBackend(Closable):
    """A `Backend` on the CPU. It is tested whenever it is opened.

    Args:
        path: a .tflite file with a passport. Its network takes one crop; a batch runs one crop after the other.
        threads: largest number of CPU threads, None for LiteRT's own choice, which is one.

    Attributes:
        runs_in: the library, and what it computes on.
        arithmetic: a key of `sdfl.artifacts.self_test.TOLERANCE_PX`.

    Raises:
        ConfigError: `threads` is wrong.
        ArtifactError: the file is missing or damaged; UnusableHereError where LiteRT computes something wrong from it
            on this processor.
        MissingDependency: LiteRT is not installed.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        super().__init__()
        threads = require_count("threads", threads)
        self.spec = read_spec(path)
        interpreter = load_litert().Interpreter
        try:
            self._network: Any = interpreter(model_path=str(path), num_threads=threads).get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise refused(path, NAME, error) from error
        self._path = path
        self.runs_in = f"{NAME}, cpu"
        self.arithmetic = INTEGER if self.spec.precision == "int8" else EXACT
        require_right(deviations(self.spec, self.infer), self.arithmetic, path.name, self.runs_in)

    def infer(self, crops: Image) -> Prediction:
        """Run the network on `crops` (B, S, S, 3) uint8 BGR, one after the other; threads take turns.

        Raises:
            ClosedError: the back end was closed.
            UnusableHereError: LiteRT cannot run the network.
        """
        check_crops(crops, self.spec)
        batch, points = len(crops), self.spec.num_points
        found = Prediction(
            np.zeros((batch, points, 2), np.float32),
            np.zeros(batch, np.float32),
            np.zeros((batch, points), np.float32),
        )
        with self._lock:
            self._require_open()
            try:
                for index, crop in enumerate(crops):
                    results = self._network(**{INPUT: crop[None]})
                    for name in OUTPUTS:
                        getattr(found, name)[index] = results[name][0]
            except (ValueError, RuntimeError, KeyError) as error:
                raise refused(self._path, NAME, error, here=True) from error
        return found

    def _free(self) -> None:
        self._network = None


def load_litert() -> Any:
    """The module `ai_edge_litert.interpreter`.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        from ai_edge_litert import interpreter
    except ImportError as error:
        raise MissingDependency("ai-edge-litert", extra="litert") from error
    return interpreter
